//! Finding the program to run, as `execvp` does. Starts nothing.

use rustix::fs::{Access, FileType, access, getxattr, stat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What `execvp` searches when there is no PATH.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// A program that was found, with its arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    path: PathBuf,
    name: OsString,
    arguments: Vec<OsString>,
}

impl Program {
    /// Finds `name`: as a path if it has a slash, else in the folders of `search`, which is a
    /// PATH (`None`: none is set).
    ///
    /// # Errors
    /// There is no such file, or none that may be executed.
    ///
    /// ```
    /// use danja_run::Program;
    /// let shell = Program::find("sh", ["-c", "exit 7"], Some("/bin".as_ref()))?;
    /// assert_eq!(shell.path().to_str(), Some("/bin/sh"));
    /// assert!(Program::find("no such program", [""; 0], None).is_err());
    /// # Ok::<(), danja_run::ProgramError>(())
    /// ```
    pub fn find<A: Into<OsString>>(
        name: impl Into<OsString>,
        arguments: impl IntoIterator<Item = A>,
        search: Option<&OsStr>,
    ) -> Result<Self, ProgramError> {
        let name = name.into();
        let path = locate(&name, search)?;
        Ok(Self { path, name, arguments: arguments.into_iter().map(Into::into).collect() })
    }

    /// The file that is executed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether executing it would change the user or group, were that not forbidden to programs
    /// whose calls are trapped or who live in a user namespace.
    pub fn is_setuid(&self) -> bool {
        let mode = stat(&self.path).map_or(0, |found| found.st_mode);
        mode & (libc::S_ISUID | libc::S_ISGID) != 0
    }

    /// The capabilities that its file gives it (capabilities(7)), a bit each.
    pub fn capabilities(&self) -> u64 {
        // `struct vfs_cap_data`: a word of flags, then those that it may have and those that it may
        // inherit, the lower halves first; all little-endian.
        let mut words = [0_u8; 24];
        let length = getxattr(&self.path, "security.capability", &mut words).unwrap_or(0);
        let word = |at: usize| -> u64 {
            let found = words.get(..length).and_then(|it| it.get(at..)?.first_chunk());
            found.map_or(0, |bytes| u32::from_le_bytes(*bytes).into())
        };
        word(4) | word(12) << 32
    }

    /// The name it was asked for by, which is its first argument.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// The arguments that follow.
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }
}

fn locate(name: &OsStr, search: Option<&OsStr>) -> Result<PathBuf, ProgramError> {
    if name.is_empty() {
        return Err(ProgramError::NotFound { name: name.to_owned() });
    }
    if name.as_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        return match may_execute(&path) {
            Ok(()) => Ok(path),
            Err(errno) => Err(ProgramError::new(name, path, errno)),
        };
    }
    let folders = search.unwrap_or_else(|| OsStr::new(DEFAULT_PATH));
    let mut denied = None;
    for folder in folders.as_bytes().split(|byte| *byte == b':') {
        // An empty folder is the current one.
        let folder = if folder.is_empty() { b".".as_slice() } else { folder };
        let path = Path::new(OsStr::from_bytes(folder)).join(name);
        match may_execute(&path) {
            Ok(()) => return Ok(path),
            // The search goes on, and this is told if nothing else is found.
            Err(errno @ (Errno::ACCESS | Errno::ISDIR)) => {
                denied.get_or_insert_with(|| ProgramError::new(name, path, errno));
            }
            Err(_) => {}
        }
    }
    Err(denied.unwrap_or_else(|| ProgramError::NotFound { name: name.to_owned() }))
}

fn may_execute(path: &Path) -> Result<(), Errno> {
    let found = stat(path)?;
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => access(path, Access::EXEC_OK),
        FileType::Directory => Err(Errno::ISDIR),
        _ => Err(Errno::ACCESS),
    }
}

/// Why a program cannot be started.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ProgramError {
    /// There is no such program; a shell's exit code for this is 127.
    NotFound {
        /// What was asked for.
        name: OsString,
    },
    /// There is a file, which cannot be executed; a shell's exit code for this is 126.
    NotExecutable {
        /// The file.
        path: PathBuf,
    },
    /// There is a folder of this name; the exit code is 126, too.
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// The file is there, and what it asks to be executed by (the program of its `#!` line, the
    /// dynamic loader) is not; the exit code is 127, too.
    NoInterpreter {
        /// The file.
        path: PathBuf,
    },
    /// The system refused to execute the file; the exit code is 126, too.
    Refused {
        /// The file.
        path: PathBuf,
        /// What it said.
        errno: Errno,
    },
}

impl ProgramError {
    /// What `execve` said to a program that was found: its interpreter may be missing.
    pub(crate) fn at_exec(program: &Program, errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::NOTDIR if stat(&program.path).is_ok() => {
                Self::NoInterpreter { path: program.path.clone() }
            }
            Errno::NOENT | Errno::NOTDIR => Self::NotFound { name: program.name.clone() },
            errno => Self::Refused { path: program.path.clone(), errno },
        }
    }

    fn new(name: &OsStr, path: PathBuf, errno: Errno) -> Self {
        match errno {
            // It is in a folder that may not be searched, if anywhere.
            Errno::ACCESS if stat(&path).err() == Some(Errno::ACCESS) => {
                Self::Refused { path, errno }
            }
            Errno::ACCESS | Errno::PERM => Self::NotExecutable { path },
            Errno::ISDIR => Self::Folder { path },
            _ => Self::NotFound { name: name.to_owned() },
        }
    }

    /// The exit code that a shell has for it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound { .. } | Self::NoInterpreter { .. } => 127,
            Self::NotExecutable { .. } | Self::Folder { .. } | Self::Refused { .. } => 126,
        }
    }
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { name } => {
                write!(f, "{}: there is no such program", name.to_string_lossy())
            }
            Self::NotExecutable { path } => {
                write!(f, "{}: the file is not executable", path.display())
            }
            Self::Folder { path } => write!(f, "{}: a folder is no program", path.display()),
            Self::NoInterpreter { path } => write!(
                f,
                "{}: the file is there, but not what it is to be executed by (its #! line or its \
                 dynamic loader)",
                path.display()
            ),
            Self::Refused { path, errno } => write!(f, "{}: {errno}", path.display()),
        }
    }
}

impl std::error::Error for ProgramError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn file(path: &Path, mode: u32) {
        fs::write(path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn setuid_programs_are_known() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, expected) in [(0o755, false), (0o4755, true), (0o2755, true)] {
            let path = folder.path().join(format!("{mode:o}"));
            file(&path, mode);
            let program = Program::find(path, [""; 0], None).unwrap();
            assert_eq!(program.is_setuid(), expected, "{mode:o}");
        }
    }

    #[test]
    fn file_capabilities_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        file(&path, 0o755);
        let found = || Program::find(&path, [""; 0], None).unwrap().capabilities();
        assert_eq!(found(), 0);
        // Revision 2; CAP_NET_RAW (13) and CAP_BPF (39).
        let mut words = [0_u8; 20];
        words[..8].copy_from_slice(&[0, 0, 0, 2, 0, 0x20, 0, 0]);
        words[12] = 0x80;
        let flags = rustix::fs::XattrFlags::empty();
        if rustix::fs::setxattr(&path, "security.capability", &words, flags).is_ok() {
            assert_eq!(found(), 1 << 13 | 1 << 39);
        }
    }

    #[test]
    fn an_interpreter_that_is_missing_is_not_a_missing_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script");
        file(&path, 0o755);
        let program = Program::find(&path, [""; 0], None).unwrap();
        let error = ProgramError::at_exec(&program, Errno::NOENT);
        assert_eq!(error, ProgramError::NoInterpreter { path: path.clone() });
        assert_eq!(error.exit_code(), 127);
        fs::remove_file(&path).unwrap();
        let error = ProgramError::at_exec(&program, Errno::NOENT);
        assert_eq!(error, ProgramError::NotFound { name: path.into() });
    }

    #[test]
    fn a_program_is_found_as_execvp_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        fs::create_dir_all(&first).unwrap();
        fs::create_dir_all(second.join("folder")).unwrap();
        file(&first.join("plain"), 0o644);
        file(&second.join("plain"), 0o755);
        file(&first.join("text"), 0o644);
        let search = std::env::join_paths([&first, &second]).unwrap();
        let find = |name: &str| Program::find(name, [""; 0], Some(&search));

        // One that may not be executed is passed over, and named only if there is no other.
        assert_eq!(find("plain").unwrap().path(), second.join("plain"));
        assert_eq!(find("text").unwrap_err().exit_code(), 126);
        let folder = find("folder").unwrap_err();
        assert_eq!(folder, ProgramError::Folder { path: second.join("folder") });
        assert_eq!(folder.exit_code(), 126);
        assert_eq!(find("none").unwrap_err().exit_code(), 127);
        assert_eq!(find("").unwrap_err().exit_code(), 127);
        assert_eq!(find("/no/such/file").unwrap_err().exit_code(), 127);
        assert_eq!(find(first.join("text").to_str().unwrap()).unwrap_err().exit_code(), 126);
    }
}
