//! Where scripts run: a network namespace of their own, on the kernel or under `danja run`.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::OnceLock;

/// The machine's side of every run. Whoever is asked at 198.51.100.0/24 never answers (what is
/// sent to the loopback device for someone else is dropped), and there is no way to
/// 203.0.113.0/24.
const FURNISH: &str = "ip link set lo up && ip address add 10.9.8.7/32 dev lo \
    && ip route add 198.51.100.0/24 dev lo src 10.9.8.7 \
    && ip route add unreachable 203.0.113.0/24";

/// Runs the words that follow beside the far end of a script, whose file and socket come first.
const BESIDE: &str = "far=$1 way=$2; shift 2; python3 -B \"$far\" \"$way\" & id=$!; \
    PEER=$way \"$@\"; status=$?; kill $id; exit $status";

/// Seconds that a script may take.
const LIMIT: &str = "300";

/// How a script's socket calls are answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Kernel,
    NotifyOverTun,
    Notify,
    Tun,
}

impl Mode {
    pub(crate) const OURS: [Self; 3] = [Self::NotifyOverTun, Self::Notify, Self::Tun];

    /// The argument of `--intercept`.
    const fn argument(self) -> &'static str {
        match self {
            Self::Kernel => "",
            Self::NotifyOverTun => "auto",
            Self::Notify => "notify",
            Self::Tun => "tun",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kernel => "kernel",
            Self::NotifyOverTun => "notify-over-tun",
            Self::Notify => "notify",
            Self::Tun => "tun",
        })
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut modes = Self::OURS.into_iter();
        modes.find(|mode| mode.to_string() == text).ok_or_else(|| format!("no mode: {text}"))
    }
}

/// What a script is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Language {
    C,
    Go,
    Python,
}

/// A script that is ready to run.
pub(crate) struct Place {
    words: Vec<String>,
    /// The program at the far end, for scripts that have one.
    far: Option<String>,
}

impl Place {
    /// Compiles the script, if it has to be; why it cannot be run otherwise.
    pub(crate) fn new(name: &str, language: Language) -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/scripts");
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("differential-{name}"));
        let words = match language {
            Language::Python => {
                able(Command::new("python3").arg("--version"))?;
                python(name)
            }
            Language::C => {
                able(Command::new("cc").arg("--version"))?;
                let source = folder.join(format!("{name}.c"));
                let mut command = Command::new("cc");
                command.args(["-O1", "-Wall", "-Wno-unused-function", "-pthread"]);
                command.args(["-D_GNU_SOURCE", "-o"]).arg(&built);
                build(command.arg(source));
                vec![text(built)]
            }
            Language::Go => {
                able(Command::new("go").arg("version"))?;
                let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache");
                let mut command = Command::new("go");
                command.env("CGO_ENABLED", "0").env("GOCACHE", &cache).env("GOFLAGS", "");
                command.env("GOPATH", &cache).arg("build").arg("-o").arg(&built);
                build(command.arg(folder.join(format!("{name}.go"))));
                vec![text(built)]
            }
        };
        let far = ["far", "outside"].contains(&name).then(|| text(folder.join("peer.py")));
        Ok(Self { words, far })
    }

    /// Runs the script to its end: what it said.
    pub(crate) fn run(&self, mode: Mode) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("peer");
        let mut words: Vec<&str> = Vec::new();
        if let Some(far) = &self.far {
            words.extend(["sh", "-c", BESIDE, "sh", far, socket.to_str().unwrap()]);
        }
        words.extend(["timeout", "-k", "5", LIMIT]);
        words.extend(self::words(mode));
        words.extend(self.words.iter().map(String::as_str));
        let output = inside()?.args(words).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let told = format!("{mode}: {}\n{errors}\n{said}", output.status);
        assert!(output.status.success(), "the script did not come to its end: {told}");
        assert!(errors.is_empty(), "something was said on standard error: {told}");
        Ok(said)
    }
}

/// What stands before a program's name in a mode.
pub(crate) fn words(mode: Mode) -> Vec<&'static str> {
    if mode == Mode::Kernel {
        return Vec::new();
    }
    vec![env!("CARGO_BIN_EXE_danja"), "run", "-q", "--intercept", mode.argument(), "--"]
}

/// The words that run a Python script.
pub(crate) fn python(name: &str) -> Vec<String> {
    let file = format!("{}/tests/differential/scripts/{name}.py", env!("CARGO_MANIFEST_DIR"));
    // Nothing is written beside the scripts.
    vec!["python3".into(), "-B".into(), file]
}

/// Whether a program that is needed runs.
fn able(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.output().map(drop).map_err(|error| format!("{name}: {error}"))
}

fn build(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{command:?}:\n{said}");
}

/// A shell in a furnished namespace of its own, which becomes the words that follow.
pub(crate) fn inside() -> Result<Command, String> {
    static WAY: OnceLock<Result<bool, String>> = OnceLock::new();
    let way = |user: bool| {
        let mut command = Command::new("unshare");
        command.arg("--net");
        if user {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--", "sh", "-c", &format!("{FURNISH} && exec \"$@\""), "sh"]);
        command
    };
    let user = WAY.get_or_init(|| {
        let mut said = String::new();
        for user in [false, true] {
            match way(user).arg("true").output() {
                Ok(output) if output.status.success() => return Ok(user),
                Ok(output) => said = String::from_utf8_lossy(&output.stderr).trim().to_owned(),
                Err(error) => said = format!("unshare (util-linux): {error}"),
            }
        }
        Err(format!("no network namespace of its own: {said}"))
    });
    let mut command = user.clone().map(way)?;
    command.env("XDG_RUNTIME_DIR", runtime_folder());
    Ok(command)
}

/// A runtime directory of this user's own: in a user namespace they are called root, whose own
/// directory theirs is not.
fn runtime_folder() -> PathBuf {
    let user = fs::metadata("/proc/self").unwrap().uid();
    let folder = std::env::temp_dir().join(format!("danja-differential-{user}"));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Whether this machine permits a mode; why not.
pub(crate) fn permits(mode: Mode) -> Result<(), String> {
    let output = inside()?.args(words(mode)).arg("true").stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let why = said.lines().next().unwrap_or("it failed and said nothing").to_owned();
    if output.status.success() { Ok(()) } else { Err(why) }
}

/// How often the kernel is asked, whether it says the same each time (`DANJA_ROUNDS`).
pub(crate) fn rounds() -> usize {
    std::env::var("DANJA_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}
