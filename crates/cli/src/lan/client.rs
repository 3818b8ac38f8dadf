//! Finding a LAN's process, starting it where there is none, and asking it something.

use super::hello::{self, Answer, Question, Trouble};
use super::{KIND, lock_file};
use crate::failure::Failure;
use danja_gateway::inspect::{RuntimeDir, is_same_user, peer_process};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::net::{bind, connect, listen, socket_with};
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// How often a LAN that ends while it is asked is looked for again.
const TRIES: usize = 20;
/// Commands that wait to be heard.
const BACKLOG: i32 = 128;

/// What is needed to start a LAN's process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// Its MTU, in bytes.
    pub(crate) mtu: usize,
}

/// Asks the LAN's process, which is started if there is none and `start` says how; `None` if
/// there is none.
///
/// # Errors
/// It does not answer, is another version's or another user's, or cannot be started: says what to
/// do.
pub(crate) fn ask(
    lan: &str,
    question: &Question,
    start: Option<Start>,
) -> Result<Option<(OwnedFd, Answer)>, Failure> {
    let directory = RuntimeDir::open().map_err(Failure::new)?;
    let path = directory.socket(KIND, lan);
    for _ in 0..TRIES {
        let Some(socket) = find(&path, lan, start)? else { return Ok(None) };
        if !is_same_user(&socket).unwrap_or(false) {
            return Err(Failure::new(format_args!(
                "the LAN \u{2018}{lan}\u{2019} ({}) belongs to another user; nothing was sent to \
                 it. Choose another name: --lan NAME",
                path.display()
            )));
        }
        let answered = hello::say(&socket, question).and_then(|()| hello::hear(&socket));
        match answered {
            Ok(answer) => return Ok(Some((socket, answer))),
            // It was about to end.
            Err(Trouble::Gone) => {}
            Err(trouble) => return Err(complaint(lan, &socket, &trouble)),
        }
    }
    Err(Failure::new(format_args!("the LAN \u{2018}{lan}\u{2019} hangs up on whoever asks")))
}

/// What is wrong with a LAN's process, and what can be done.
fn complaint(lan: &str, socket: &OwnedFd, trouble: &Trouble) -> Failure {
    let process = peer_process(socket).unwrap_or(0);
    Failure::new(match trouble {
        Trouble::OtherVersion(version) => {
            let version = version.as_deref().unwrap_or("unknown");
            format!(
                "the LAN \u{2018}{lan}\u{2019} is kept by another version of danja ({version}, process \
                 {process}; this is {}). It ends two seconds after its last host leaves; \
                 kill {process} ends it now; --lan NAME makes another",
                env!("CARGO_PKG_VERSION")
            )
        }
        Trouble::Silent => format!(
            "the LAN \u{2018}{lan}\u{2019} does not answer: its process, {process}, may be stopped \
             (kill -CONT {process} lets it go on)"
        ),
        Trouble::Gone => format!("the LAN \u{2018}{lan}\u{2019} has hung up"),
        Trouble::Io(error) => format!("the LAN \u{2018}{lan}\u{2019}: {error}"),
    })
}

/// A connection to the LAN's process, which is started if need be.
fn find(path: &Path, lan: &str, start: Option<Start>) -> Result<Option<OwnedFd>, Failure> {
    let wrong = |error: io::Error| {
        Failure::new(format_args!("the LAN \u{2018}{lan}\u{2019} ({}): {error}", path.display()))
    };
    if let Some(socket) = call(path).map_err(wrong)? {
        return Ok(Some(socket));
    }
    let Some(start) = start else { return Ok(None) };
    let lock = lock_file(path).map_err(wrong)?;
    lock.lock().map_err(wrong)?;
    // Somebody else may have been quicker.
    if let Some(socket) = call(path).map_err(wrong)? {
        return Ok(Some(socket));
    }
    launch(path, lan, start).map_err(wrong)?;
    call(path).map_err(wrong)
}

/// Connects to a socket; `None` if nobody listens there.
fn call(path: &Path) -> io::Result<Option<OwnedFd>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(found) if found.file_type().is_socket() => {}
        // Nobody but the user can have put it there; it is not for us to remove.
        Ok(_) => return Err(io::Error::other("not a socket; links are not followed. Remove it")),
    }
    let socket = unix_socket()?;
    match connect(&socket, &SocketAddrUnix::new(path)?) {
        Ok(()) => Ok(Some(socket)),
        // Left by a process that ended without a word.
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(None),
        Err(Errno::PROTOTYPE) => Err(io::Error::other("another program's socket. Remove it")),
        Err(errno) => Err(errno.into()),
    }
}

fn unix_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// Starts the LAN's process. It gets its socket listening already, so that nobody need wait.
fn launch(path: &Path, lan: &str, start: Start) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = unix_socket()?;
    bind(&listener, &SocketAddrUnix::new(path)?)?;
    listen(&listener, BACKLOG)?;
    // A child that starts the process and ends at once: so it is nobody's child.
    let status = itself("lan-process", lan, start).stdin(Stdio::from(listener)).status()?;
    if !status.success() {
        let _ = fs::remove_file(path);
        return Err(io::Error::other(format!("its process could not be started ({status})")));
    }
    Ok(())
}

/// This program once more, as the LAN's process, without anything of ours.
pub(super) fn itself(command: &str, lan: &str, start: Start) -> Command {
    // Even if the file was replaced since, this is the same program.
    let mut process = Command::new("/proc/self/exe");
    process.arg0("danja").args([command, lan, "--mtu", &start.mtu.to_string()]);
    process.stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    process
}
