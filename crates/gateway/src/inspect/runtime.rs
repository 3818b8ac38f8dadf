//! The user's runtime directory: where running hosts and LANs leave their UNIX sockets, for the
//! same user's commands alone. Makes the directory, and trusts no other; talks on no socket.

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, mkdirat, openat};
use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::{env, fmt, io};

/// A path that is longer leaves no place for a socket's name: Linux's `sun_path` has 108 bytes.
const LONGEST: usize = 56;
/// A socket's name in the directory, in bytes: with [`LONGEST`] it fits `sun_path`.
const NAME_MAX: usize = 48;

/// `$XDG_RUNTIME_DIR/danja`, or `/tmp/danja-UID` where there is no such directory of the user's:
/// a directory that is the user's own and closed to all others (mode 0700).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use danja_gateway::inspect::RuntimeDir;
/// # let parent = std::env::temp_dir().join(format!("danja-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&parent)?;
/// # let directory = RuntimeDir::at(&parent.join("danja"))?;
/// # if false {
/// let directory = RuntimeDir::open()?;
/// # }
/// let socket = std::os::unix::net::UnixListener::bind(directory.socket("lan", "lab"))?;
/// # drop(socket);
/// # std::fs::remove_dir_all(&parent)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuntimeDir {
    path: PathBuf,
}

impl RuntimeDir {
    /// The directory of the user that runs this process, made if it is not there.
    ///
    /// # Errors
    /// It cannot be made, or what is there is not a directory, not the user's, or open to others.
    pub fn open() -> Result<Self, RuntimeError> {
        Self::at(&place(env::var_os("XDG_RUNTIME_DIR")))
    }

    /// The directory at this path, made if it is not there (the one above it is not).
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn at(path: &Path) -> Result<Self, RuntimeError> {
        match mkdirat(CWD, path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(RuntimeError::Unavailable(path.to_owned(), error.into())),
        }
        check(path)?;
        Ok(Self { path: path.to_owned() })
    }

    /// The directory if it is there: who only looks makes none.
    ///
    /// # Errors
    /// What is there is not a directory, not the user's, or open to others.
    pub fn find() -> Result<Option<Self>, RuntimeError> {
        let path = place(env::var_os("XDG_RUNTIME_DIR"));
        match check(&path) {
            Ok(()) => Ok(Some(Self { path })),
            Err(RuntimeError::Unavailable(_, error)) if error.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the socket `KIND-NAME.sock`. What a file name should not have is replaced in
    /// the name, and a long one is cut, so that the path always fits a UNIX socket's address.
    pub fn socket(&self, kind: &str, name: &str) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let mut file: String = format!("{kind}-{name}").chars().map(plain).collect();
        file.truncate(NAME_MAX - ".sock".len());
        self.path.join(file + ".sock")
    }

    /// The sockets of this kind that are there, by name, whether or not somebody listens: each
    /// name without `KIND-` and `.sock`, and the path.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn sockets(&self, kind: &str) -> io::Result<Vec<(String, PathBuf)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let Ok(file) = entry.file_name().into_string() else { continue };
            let rest = file.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-'));
            if let Some(name) = rest.and_then(|rest| rest.strip_suffix(".sock")) {
                found.push((name.to_owned(), entry.path()));
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Whether the process at the other end of a UNIX stream is the same user's, or root's.
///
/// # Errors
/// The socket is not a connected UNIX stream.
pub fn is_same_user(stream: impl AsFd) -> io::Result<bool> {
    let peer = socket_peercred(stream)?;
    Ok(peer.uid.is_root() || peer.uid == geteuid())
}

/// The process at the other end of a UNIX stream, as the kernel saw it when it connected or
/// began to listen.
///
/// # Errors
/// The socket is not a connected UNIX stream.
pub fn peer_process(stream: impl AsFd) -> io::Result<u32> {
    let peer = socket_peercred(stream)?;
    Ok(peer.pid.as_raw_nonzero().get().unsigned_abs())
}

/// Why there is no runtime directory.
#[derive(Debug)]
#[non_exhaustive]
pub enum RuntimeError {
    /// It belongs to another user: path, owner.
    Foreign(PathBuf, u32),
    /// It is a symbolic link, a file, or something else.
    NotADirectory(PathBuf),
    /// Others may use it: path, mode.
    Open(PathBuf, u32),
    /// The system refuses it.
    Unavailable(PathBuf, io::Error),
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(path, owner) => {
                write!(
                    f,
                    "{} belongs to the user with the number {owner}, not to you; \
                     XDG_RUNTIME_DIR can name another place",
                    path.display()
                )
            }
            Self::NotADirectory(path) => {
                write!(f, "{} is not a directory (links are not followed)", path.display())
            }
            Self::Open(path, mode) => write!(
                f,
                "{0} is open to other users (its mode is {mode:03o}): chmod 700 {0}",
                path.display()
            ),
            Self::Unavailable(path, error) => {
                write!(f, "{} cannot be had: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for RuntimeError {}

impl From<RuntimeError> for io::Error {
    fn from(error: RuntimeError) -> Self {
        let kind = match &error {
            RuntimeError::Foreign(..) | RuntimeError::Open(..) => io::ErrorKind::PermissionDenied,
            RuntimeError::NotADirectory(_) => io::ErrorKind::NotADirectory,
            RuntimeError::Unavailable(_, error) => error.kind(),
        };
        Self::new(kind, error)
    }
}

/// Where the directory is, or would be.
fn place(named: Option<OsString>) -> PathBuf {
    // The XDG specification: a path that is not absolute is to be ignored. A directory of
    // another user's is what `su` and `sudo` leave in the environment.
    let named = named.map(PathBuf::from).filter(|path| path.is_absolute() && is_mine(path));
    match named {
        Some(path) if path.as_os_str().len() + "/danja".len() <= LONGEST => path.join("danja"),
        _ => PathBuf::from(format!("/tmp/danja-{}", geteuid().as_raw())),
    }
}

fn is_mine(path: &Path) -> bool {
    let status = rustix::fs::stat(path);
    status.is_ok_and(|status| {
        FileType::from_raw_mode(status.st_mode) == FileType::Directory
            && status.st_uid == geteuid().as_raw()
    })
}

/// Looks at the directory itself, not at what a link leads to.
fn check(path: &Path) -> Result<(), RuntimeError> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let unavailable =
        |error: Errno| RuntimeError::Unavailable(path.to_owned(), io::Error::from(error));
    let opened = openat(CWD, path, flags, Mode::empty()).map_err(unavailable)?;
    let status = fstat(&opened).map_err(unavailable)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::Directory {
        return Err(RuntimeError::NotADirectory(path.to_owned()));
    }
    if status.st_uid != geteuid().as_raw() {
        return Err(RuntimeError::Foreign(path.to_owned(), status.st_uid));
    }
    let mode = status.st_mode & 0o777;
    if mode & 0o077 != 0 {
        return Err(RuntimeError::Open(path.to_owned(), mode));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
