//! A test's run: the seed it takes, and what a failing one leaves behind. For the attribute.

use crate::builder::Builder;
use crate::world::World;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What a test returns.
pub trait Outcome {
    /// Whether it failed.
    fn has_failed(&self) -> bool;
}

impl Outcome for () {
    fn has_failed(&self) -> bool {
        false
    }
}

impl<T, E: Debug> Outcome for Result<T, E> {
    fn has_failed(&self) -> bool {
        self.is_err()
    }
}

/// Runs the test `name`. If it fails, its seed, the command that repeats it and a pcapng file (in
/// `folder`, else beside what is being tested) are told on standard error. What
/// [`test`](crate::test) calls. With `DANJA_TEST_RECORD` it is recorded to that file.
///
/// # Panics
/// The test did; `DANJA_TEST_SEED` is no number.
pub fn check<F: Future<Output: Outcome>>(
    name: &str,
    folder: Option<&str>,
    builder: Builder,
    test: impl FnOnce(World) -> F,
) -> F::Output {
    let builder = match env::var("DANJA_TEST_SEED") {
        Ok(text) => match text.parse() {
            Ok(seed) => builder.seed(seed),
            Err(_) => panic!("DANJA_TEST_SEED is a number, such as 7, not '{text}'"),
        },
        Err(_) => builder,
    };
    let builder = match env::var_os("DANJA_TEST_RECORD") {
        Some(file) => builder.record(file),
        None => builder,
    };
    let recording = builder.recording.clone();
    let mut world = None;
    let run = || builder.run_noted(test, |made| world = Some(made.clone()));
    let outcome = catch_unwind(AssertUnwindSafe(run));
    if outcome.as_ref().map_or(true, Outcome::has_failed)
        && let Some(world) = &world
    {
        tell(name, folder, world, recording.as_deref());
    }
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

#[allow(clippy::print_stderr, reason = "a failing test has nobody else to tell")]
fn tell(name: &str, folder: Option<&str>, world: &World, recording: Option<&Path>) {
    let seed = world.seed();
    // The harness knows a test by its path within the crate.
    let path = name.split_once("::").map_or(name, |(_, path)| path);
    eprintln!("the world's seed was {seed}; again: DANJA_TEST_SEED={seed} cargo test {path}");
    let folder = folder.map_or_else(beside, PathBuf::from);
    match write(&folder, path, world) {
        Ok(file) => eprintln!("what was on the wire: {}", file.display()),
        Err(error) => eprintln!("what was on the wire could not be written: {error}"),
    }
    match recording {
        Some(file) => eprintln!("all that went into the hosts: danja replay {}", file.display()),
        None => eprintln!(
            "with DANJA_TEST_RECORD=FILE as well, danja replay FILE --explain tells the story"
        ),
    }
}

fn write(folder: &Path, path: &str, world: &World) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let file = folder.join(format!("{}-{}.pcapng", path.replace("::", "-"), world.seed()));
    fs::write(&file, world.capture())?;
    Ok(file)
}

/// `tmp` in the folder of what cargo built.
fn beside() -> PathBuf {
    let built = env::current_exe().ok();
    let target = built.as_deref().and_then(|file| file.ancestors().nth(3)).map(Path::to_owned);
    target.unwrap_or_else(env::temp_dir).join("tmp")
}
