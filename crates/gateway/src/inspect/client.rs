//! Finds the user's running hosts by their sockets in the runtime directory, and asks them.
//! Changes nothing by itself, but takes away what processes that are gone have left.

use super::control::remove_stale;
use super::runtime::{RuntimeDir, RuntimeError};
use serde_json::Value;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, str};

/// How long an answer may take: its process may be stopped.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest answer, in bytes: a hundred thousand sockets.
const LONGEST: u64 = 256 * 1024 * 1024;
/// The format of answers that we understand.
const FORMAT: u64 = 1;

/// A process with hosts that can be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Running {
    /// The name under which it answers: usually that of its host.
    pub name: String,
    /// The process.
    pub process: u32,
    path: PathBuf,
}

/// Why a process did not tell.
#[derive(Debug)]
#[non_exhaustive]
pub enum AskError {
    /// It is gone.
    Gone,
    /// It does not answer, or breaks off.
    Silent(io::Error),
    /// It answers in a way that is not understood: another version.
    Foreign,
    /// It says no, and why.
    Refused(String),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("it has ended"),
            Self::Silent(error) if error.kind() == io::ErrorKind::WouldBlock => {
                f.write_str("it does not answer (is it stopped?)")
            }
            Self::Silent(error) => write!(f, "it does not answer: {error}"),
            Self::Foreign => f.write_str("it is another version of danja, with other answers"),
            Self::Refused(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for AskError {}

/// All processes of this user that can be asked, by name and number. What processes that are gone
/// have left is taken away.
///
/// # Errors
/// There is a runtime directory, but it cannot be used.
pub fn running() -> Result<Vec<Running>, RuntimeError> {
    match RuntimeDir::find()? {
        None => Ok(Vec::new()),
        Some(directory) => running_in(&directory),
    }
}

/// The same in another directory.
///
/// # Errors
/// The directory cannot be read.
pub fn running_in(directory: &RuntimeDir) -> Result<Vec<Running>, RuntimeError> {
    let sockets = directory.sockets("host");
    let sockets =
        sockets.map_err(|error| RuntimeError::Unavailable(directory.path().to_owned(), error))?;
    let mut found: Vec<Running> = sockets
        .into_iter()
        .filter(|(_, path)| !remove_stale(path))
        .filter_map(|(name, path)| {
            let (process, name) = name.split_once('-')?;
            // A second one of the same name and process has `.2` behind the number.
            let process = process.split('.').next()?.parse().ok()?;
            Some(Running { name: name.to_owned(), process, path })
        })
        .collect();
    found.sort_by(|one, other| (&one.name, one.process).cmp(&(&other.name, other.process)));
    Ok(found)
}

impl Running {
    /// Asks for one of the page's JSON objects, such as `/api/sockets`.
    ///
    /// # Errors
    /// As [`AskError`] says.
    pub fn ask(&self, path: &str) -> Result<Value, AskError> {
        exchange(&self.path, &format!("GET {path} HTTP/1.0\r\n\r\n"))
    }

    /// Tells it something, such as a change of a link to `/api/link`.
    ///
    /// # Errors
    /// As [`AskError`] says.
    pub fn tell(&self, path: &str, what: &Value) -> Result<Value, AskError> {
        let body = what.to_string();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
        );
        exchange(&self.path, &format!("{head}\r\n{body}"))
    }
}

/// One request of HTTP/1.0, whose answer ends with the connection.
fn exchange(path: &Path, request: &str) -> Result<Value, AskError> {
    let gone = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskError::Gone,
        _ => AskError::Silent(error),
    };
    let mut stream = UnixStream::connect(path).map_err(gone)?;
    let mut answer = Vec::new();
    let mut talk = || -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        (&mut stream).take(LONGEST).read_to_end(&mut answer)?;
        Ok(())
    };
    talk().map_err(AskError::Silent)?;
    if answer.is_empty() {
        return Err(AskError::Gone);
    }
    let (status, body) = split(&answer).ok_or(AskError::Foreign)?;
    if status != 200 {
        return Err(AskError::Refused(body.trim_end().to_owned()));
    }
    let value: Value = serde_json::from_str(body).map_err(|_| AskError::Foreign)?;
    if value.get("format").and_then(Value::as_u64) != Some(FORMAT) {
        return Err(AskError::Foreign);
    }
    Ok(value)
}

/// The status and the body of an answer.
fn split(answer: &[u8]) -> Option<(u16, &str)> {
    let text = str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body))
}
