//! Recordings: all that went into the stacks of hosts, in a file, and its replay to the same
//! bytes. A bug that was met once is a deterministic test from then on.
//!
//! ```
//! use danja::record::{Recording, Replay};
//! use danja::{Host, lan::MacAddress, lan::cable::Switch, net::UdpSocket};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = std::env::temp_dir();
//! let file = folder.join(format!("danja-example-{}.rec", std::process::id()));
//! let recording = Recording::create(&file)?;
//! let host = Host::builder()
//!     .name("host")
//!     .adapter(Switch::new().port(MacAddress([2, 0, 0, 0, 0, 1])))
//!     .address("10.0.0.1/24".parse()?)
//!     .record(&recording)
//!     .build()?;
//! UdpSocket::bind(&host, "10.0.0.1:7")?.send_to(b"hello", "10.0.0.1:7")?;
//! drop(host);
//! recording.finish()?;
//!
//! let report = Replay::open(&file)?.run(|_| {})?;
//! assert!(report.complete && report.difference.is_none());
//! # std::fs::remove_file(&file)?;
//! # Ok(())
//! # }
//! ```
//!
//! A recording holds every byte that was sent and received, and the seeds from which the stack's
//! secrets follow. Keep it as you would keep both: the file that [`Recording::create`] makes can
//! be read by its owner alone.

mod blocks;
mod call;
mod entry;
mod player;
mod recording;
mod replay;
#[cfg(test)]
mod tests;

pub use recording::Recording;
pub use replay::{Difference, Heard, HostReport, Replay, ReplayError, ReplayedFrame, Report};
