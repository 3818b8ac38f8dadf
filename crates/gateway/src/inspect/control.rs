//! The UNIX socket on which a process lets its user's other commands look at its hosts: HTTP, with
//! the page's JSON, and a POST by which a link is changed. Serves nobody else.

use super::link;
use super::runtime::RuntimeDir;
use crate::http::{self, Method, Request, Response, StatusCode, UnixServer, header};
use crate::lan::Lan;
use crate::page;
use rustix::fs::{CWD, RenameFlags, renameat_with, unlink};
use rustix::io::Errno;
use serde_json::Value;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The longest body of a request, in bytes.
const BODY: usize = 64 * 1024;
/// Sockets of one name and process.
const MANY: u32 = 1000;

/// Lets the user's other commands look at the hosts of a LAN, until this is dropped.
#[derive(Debug)]
pub struct Inspection {
    path: PathBuf,
    ended: AtomicBool,
    server: UnixServer,
}

impl Inspection {
    /// Answers for the hosts of `lan` (those that come later too), in the user's runtime
    /// directory, under this name and the number of the process.
    ///
    /// # Errors
    /// The directory or the socket cannot be had.
    pub fn start(name: &str, lan: &Lan) -> io::Result<Self> {
        Self::start_in(&RuntimeDir::open()?, name, lan)
    }

    /// The same in another directory.
    ///
    /// # Errors
    /// The socket cannot be had.
    pub fn start_in(directory: &RuntimeDir, name: &str, lan: &Lan) -> io::Result<Self> {
        let (listener, path) = listen(directory, name)?;
        let shown = lan.clone();
        let server = http::serve_unix(listener, &path, BODY, move |ask| answer(ask, &shown));
        match server {
            Ok(server) => Ok(Self { path, ended: AtomicBool::new(false), server }),
            Err(error) => {
                let _ = unlink(&path);
                Err(error)
            }
        }
    }

    /// Where it answers.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends it at once: the process may be about to exit without dropping this.
    pub fn end(&self) {
        if !self.ended.swap(true, Ordering::SeqCst) {
            self.server.end();
            let _ = unlink(&self.path);
        }
    }
}

impl Drop for Inspection {
    fn drop(&mut self) {
        self.end();
    }
}

/// A listening socket under a name that nobody has. Others see it only once it listens, so that
/// one which refuses is one that is left over.
fn listen(directory: &RuntimeDir, name: &str) -> io::Result<(UnixListener, PathBuf)> {
    let process = std::process::id();
    for number in 1..MANY {
        let id = if number == 1 { process.to_string() } else { format!("{process}.{number}") };
        let name = format!("{id}-{name}");
        let (hidden, path) = (directory.socket("new", &name), directory.socket("host", &name));
        for path in [&hidden, &path] {
            remove_stale(path);
        }
        let listener = match UnixListener::bind(&hidden) {
            // Another thread is at this very place.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => continue,
            other => other?,
        };
        match renameat_with(CWD, &hidden, CWD, &path, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok((listener, path)),
            Err(error) => {
                let _ = unlink(&hidden);
                if error != Errno::EXIST {
                    return Err(error.into());
                }
            }
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// Removes a socket that nobody listens on any more; whether it did.
pub(super) fn remove_stale(path: &Path) -> bool {
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => unlink(path).is_ok(),
        _ => false,
    }
}

fn answer(request: &Request, lan: &Lan) -> Response {
    let path = request.parts.uri.path();
    match (&request.parts.method, path) {
        (&Method::GET, "/api/link") => page::json(&link::all(lan)),
        (&Method::POST, "/api/link") => change(request, lan),
        // What the page shows, and nothing of it is changed.
        _ => page::answer(request, lan),
    }
}

fn change(request: &Request, lan: &Lan) -> Response {
    let asked = serde_json::from_slice::<Value>(&request.body)
        .map_err(|error| format!("this is not JSON: {error}"))
        .and_then(|asked| link::change(lan, &asked));
    match asked {
        Ok(state) => page::json(&state),
        Err(words) => {
            let mut response = http::text(StatusCode::BAD_REQUEST, page::TEXT, words + "\n");
            let no_store = header::HeaderValue::from_static("no-store");
            response.headers_mut().insert(header::CACHE_CONTROL, no_store);
            response
        }
    }
}

#[cfg(test)]
mod tests;
