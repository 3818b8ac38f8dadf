//! What a failing test leaves behind: its seed, how to repeat it, and what was on the wire.

use danja_test::World;
use danja_test::danja::tokio::UdpSocket;
use std::env;
use std::path::Path;
use std::process::Command;

/// Set for the process whose tests shall fail.
const FAIL: &str = "DANJA_TEST_FAIL";

async fn send_one(world: World) -> std::io::Result<()> {
    let socket = UdpSocket::bind(&world.host("one"), "0.0.0.0:0").await?;
    let other = UdpSocket::bind(&world.host("two"), "0.0.0.0:9").await?;
    socket.send_to(b"the last thing that was heard", "two:9").await?;
    other.recv(&mut [0; 64]).await?;
    match env::var_os(FAIL) {
        Some(_) => Err(std::io::Error::other("it had to fail")),
        None => Ok(()),
    }
}

#[danja_test::test(seed = 5, delay = "1ms")]
async fn fails_by_an_error(world: World) -> std::io::Result<()> {
    send_one(world).await
}

#[danja_test::test(seed = 6)]
async fn fails_by_a_panic(world: World) {
    assert!(send_one(world).await.is_ok());
}

/// Runs a test of this file that shall fail; gives what it says, and the file that it names.
fn run(name: &str, seed: Option<&str>) -> (String, Vec<u8>) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(FAIL, "1").env_remove("DANJA_TEST_SEED");
    command.envs(seed.map(|seed| ("DANJA_TEST_SEED", seed)));
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    let file = said.lines().find_map(|line| line.strip_prefix("what was on the wire: "));
    let file = Path::new(file.unwrap_or_else(|| panic!("no file is named: {said}")));
    assert!(file.file_name().unwrap().to_str().unwrap().starts_with(name), "{file:?}");
    let bytes = std::fs::read(file).unwrap();
    (said, bytes)
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[test]
fn a_failing_test_says_how_to_have_it_again() {
    for (name, seed) in [("fails_by_an_error", "5"), ("fails_by_a_panic", "6")] {
        let (said, bytes) = run(name, None);
        let again = format!("DANJA_TEST_SEED={seed} cargo test {name}");
        assert!(said.contains(&again), "{said}");
        assert!(holds(&bytes, b"the last thing that was heard"));
        // The section header block of a pcapng file.
        assert!(bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]));
    }
}

#[test]
fn a_seed_that_is_given_counts() {
    let (said, bytes) = run("fails_by_an_error", Some("77"));
    assert!(said.contains("DANJA_TEST_SEED=77"), "{said}");
    let (_, again) = run("fails_by_an_error", Some("77"));
    assert!(bytes == again, "the same seed gives the same file");
    let (_, other) = run("fails_by_an_error", Some("78"));
    assert!(bytes != other);
}
