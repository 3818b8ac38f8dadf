//! Starts a program under a filter, for tests of what answers its calls. Has no namespace.

use super::errno::check;
use super::pidfd;
use super::seccomp::{self, Filter};
use rustix::fd::{AsRawFd, OwnedFd, RawFd};
use std::ffi::CString;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;

/// A program that was started.
pub(crate) struct Trial {
    process: libc::pid_t,
    /// What it writes to its standard output and error.
    pub(crate) output: std::fs::File,
}

impl Trial {
    /// Starts `program` once `supervise` has taken the filter's listener.
    pub(crate) fn start<T>(
        program: &[&str],
        filter: &Filter,
        supervise: impl FnOnce(OwnedFd) -> T,
    ) -> (Self, T) {
        let words: Vec<_> = program.iter().map(|word| CString::new(*word).unwrap()).collect();
        let mut pointers: Vec<_> = words.iter().map(|word| word.as_ptr()).collect();
        pointers.push(std::ptr::null());
        let environment: Vec<_> = std::env::vars_os()
            .map(|(name, value)| {
                let mut pair = name.into_vec();
                pair.push(b'=');
                pair.extend(value.into_vec());
                CString::new(pair).unwrap()
            })
            .collect();
        let mut environment: Vec<_> = environment.iter().map(|pair| pair.as_ptr()).collect();
        environment.push(std::ptr::null());
        let (told, tells) = rustix::pipe::pipe().unwrap();
        let (released, releases) = rustix::pipe::pipe().unwrap();
        let (output, written) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
        // SAFETY: the child makes async-signal-safe calls only, with what was prepared above.
        let process = unsafe { libc::fork() };
        assert!(process >= 0);
        if process == 0 {
            // SAFETY: as above; descriptors and pointers are those of the parent before the fork.
            unsafe {
                let number = seccomp::install(filter).unwrap_or(-1);
                libc::write(tells.as_raw_fd(), (&raw const number).cast(), 4);
                let mut byte = 0u8;
                libc::close(releases.as_raw_fd());
                libc::read(released.as_raw_fd(), (&raw mut byte).cast(), 1);
                libc::dup2(written.as_raw_fd(), 1);
                libc::dup2(written.as_raw_fd(), 2);
                for descriptor in 3..64 {
                    libc::close(descriptor);
                }
                libc::execve(pointers[0], pointers.as_ptr(), environment.as_ptr());
                libc::_exit(127);
            }
        }
        drop((tells, written, released));
        let mut number = [0; 4];
        std::fs::File::from(told).read_exact(&mut number).unwrap();
        let number = RawFd::from_ne_bytes(number);
        assert!(number >= 0, "the filter could not be installed");
        let child = pidfd::open(process as u32).unwrap();
        let taken = supervise(pidfd::copy_of(&child, number).unwrap());
        rustix::io::write(&releases, &[1]).unwrap();
        (Self { process, output: output.into() }, taken)
    }

    /// Its exit code, or 128 and the number of the signal that ended it.
    pub(crate) fn wait(&self) -> i32 {
        let mut status = 0;
        // SAFETY: the kernel writes to `status`; the process is our child and was not waited for.
        check(unsafe { libc::waitpid(self.process, &mut status, 0) }).unwrap();
        if libc::WIFEXITED(status) {
            libc::WEXITSTATUS(status)
        } else {
            128 + libc::WTERMSIG(status)
        }
    }

    /// Ends it.
    pub(crate) fn kill(&self) {
        // SAFETY: takes numbers only; the process is our child and was not waited for.
        unsafe { libc::kill(self.process, libc::SIGKILL) };
    }
}
