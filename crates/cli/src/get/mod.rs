//! `danja get`: fetches one document. HTTP is `ureq`'s; the sockets under it are ours.

mod tls;
mod trace;
mod transport;
mod url;

use crate::args::{GetArgs, Talk};
use crate::failure::{Failure, explain_io};
use crate::interrupt::on_interrupt;
use crate::network::Network;
use crate::output::{data, exit, plain, talk, watched, write_failed};
use crate::quantity::{human_bytes, human_time};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use trace::{Trace, Watcher};
use transport::{Dialler, Names};
use ureq::http::{Response, Uri};
use ureq::tls::TlsConfig;
use ureq::unversioned::transport::{Connector, RustlsConnector};
use ureq::{Agent, Body, ResponseExt};

/// Read at once, in bytes.
const CHUNK: usize = 128 * 1024;
/// A transfer that takes longer is shown under way.
const PATIENCE: Duration = Duration::from_millis(500);
/// How much of an error's page is shown.
const EXCERPT: u64 = 2048;

pub(crate) fn run(args: &GetArgs, verbosity: Talk) -> Result<ExitCode, Failure> {
    let uri = url::parse(&args.url)?;
    let tls = tls::trust(args.cacert.as_deref())?;
    if args.json && file(args).is_none() {
        return Err(Failure::new("--json needs a file for the page itself: -o FILE"));
    }
    let network = Network::new(&args.network, "get")?;
    let received = Arc::new(AtomicU64::new(0));
    let (counted, ended) = (Arc::clone(&received), network.clone());
    on_interrupt(move || {
        let bytes = human_bytes(counted.load(Ordering::Relaxed));
        talk(&format!("\ninterrupted: {bytes} received"));
        ended.finish();
    });
    let trace = Trace::new(verbosity.verbose > 0);
    let agent = agent(&network, tls, &trace);
    let outcome = fetch(args, verbosity, &uri, (&network, &agent), &received);
    // Closes the connections that it keeps for further requests.
    drop(agent);
    network.finish();
    outcome
}

/// Where the page is written; standard output if nowhere.
fn file(args: &GetArgs) -> Option<&Path> {
    args.output.as_deref().filter(|path| path.as_os_str() != "-")
}

fn agent(network: &Network, tls: TlsConfig, trace: &Trace) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // Variables of the environment name proxies of the machine's network, not of ours.
        .proxy(None)
        .tls_config(tls)
        .user_agent(concat!("danja/", env!("CARGO_PKG_VERSION")))
        .build();
    let connector = Dialler::new(&network.host, trace)
        .chain(RustlsConnector::default())
        .chain(Watcher(trace.clone()));
    Agent::with_parts(config, connector, Names::new(network, trace))
}

fn fetch(
    args: &GetArgs,
    verbosity: Talk,
    uri: &Uri,
    (network, agent): (&Network, &Agent),
    received: &AtomicU64,
) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let wrong = |error: ureq::Error| Failure::new(words(uri, &error, network.is_built_in()));
    let mut response = agent.get(uri).call().map_err(wrong)?;
    let end = End { uri: response.get_uri().clone(), status: response.status().as_u16(), began };
    if end.status >= 400 {
        refuse(&mut response, verbosity);
        return end.tell(args, verbosity, 0).map(|()| exit(false));
    }
    let bar = bar(&response, args, verbosity);
    let length = response.body().content_length();
    let mut body = response.body_mut().as_reader();
    let path = file(args);
    let copied = match path {
        None => copy(&mut body, &mut io::stdout().lock(), received, bar.as_ref()),
        Some(path) => {
            let mut file = File::create(path).map_err(|error| cannot_write(path, &error))?;
            copy(&mut body, &mut file, received, bar.as_ref())
        }
    };
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    let bytes = received.load(Ordering::Relaxed);
    match copied {
        Ok(()) => {}
        Err(Broken::Write(error)) => {
            return Err(
                path.map_or_else(|| write_failed(&error), |path| cannot_write(path, &error))
            );
        }
        Err(Broken::Read(error)) => {
            let of = length.map(|length| format!(" of {length}")).unwrap_or_default();
            return Err(Failure::new(format_args!(
                "{uri}: the transfer was cut short after {bytes}{of} bytes: {}",
                explain_io(&error, network.is_built_in())
            )));
        }
    }
    end.tell(args, verbosity, bytes).map(|()| exit(true))
}

/// What can be said when all is over.
struct End {
    /// The last one, after all redirects.
    uri: Uri,
    status: u16,
    began: Instant,
}

impl End {
    fn tell(&self, args: &GetArgs, verbosity: Talk, bytes: u64) -> Result<(), Failure> {
        let took = self.began.elapsed();
        if args.json {
            let (url, seconds) = (self.uri.to_string(), took.as_secs_f64());
            let all = json!({
                "format": 1, "url": url, "status": self.status, "bytes": bytes,
                "seconds": seconds, "file": file(args).filter(|_| self.status < 400),
            });
            return data(&format!("{all:#}\n"));
        }
        let wanted = file(args).is_some() || verbosity.verbose > 0;
        if wanted && !verbosity.quiet && self.status < 400 {
            let rate = bytes as f64 / took.as_secs_f64().max(1e-9);
            talk(&format!(
                "{} in {}, {}/s",
                human_bytes(bytes),
                human_time(took),
                human_bytes(rate as u64)
            ));
        }
        Ok(())
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format_args!("{} cannot be written: {error}", path.display()))
}

/// Which side broke a transfer off.
enum Broken {
    Read(io::Error),
    Write(io::Error),
}

fn copy(
    from: &mut impl Read,
    to: &mut impl Write,
    count: &AtomicU64,
    bar: Option<&ProgressBar>,
) -> Result<(), Broken> {
    let began = Instant::now();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match from.read(&mut chunk) {
            Ok(0) => return to.flush().map_err(Broken::Write),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Broken::Read(error)),
        };
        to.write_all(chunk.get(..read).unwrap_or_default()).map_err(Broken::Write)?;
        let sum = count.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
        if let Some(bar) = bar
            && began.elapsed() > PATIENCE
        {
            if bar.is_hidden() {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            bar.set_position(sum);
        }
    }
}

/// A bar, hidden at first, where somebody watches and nothing else is told there.
fn bar(response: &Response<Body>, args: &GetArgs, verbosity: Talk) -> Option<ProgressBar> {
    if verbosity.quiet || !watched() || args.network.show.story.explain.is_some() {
        return None;
    }
    let (length, template) = match response.body().content_length() {
        Some(length) => (Some(length), "{bytes} of {total_bytes} {wide_bar} {bytes_per_sec} {eta}"),
        None => (None, "{bytes} {spinner} {bytes_per_sec}"),
    };
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    Some(bar)
}

/// A page that says no: its status, and the beginning of a text.
fn refuse(response: &mut Response<Body>, verbosity: Talk) {
    let uri = response.get_uri();
    talk(&format!("danja: {uri}: the server answers {}", response.status()));
    let readable = response.body().mime_type() == Some("text/plain");
    if readable && !verbosity.quiet {
        let mut text = Vec::new();
        let body = response.body_mut().as_reader();
        // What cannot be read is not shown; the status has been.
        let _ = body.take(EXCERPT).read_to_end(&mut text);
        talk(plain(&String::from_utf8_lossy(&text)).trim_end());
    }
}

/// What went wrong before there was a body.
fn words(uri: &Uri, error: &ureq::Error, built_in: bool) -> String {
    let tls = tls::words(error);
    let text = match error {
        _ if tls.is_some() => tls.unwrap_or_default(),
        ureq::Error::Io(error) => explain_io(error, built_in),
        ureq::Error::TooManyRedirects => "the server sends on and on to other addresses".to_owned(),
        ureq::Error::Protocol(error) => {
            format!("the server's answer cannot be understood: {error}")
        }
        ureq::Error::HostNotFound => "no such host".to_owned(),
        other => other.to_string(),
    };
    format!("{uri}: {text}")
}

#[cfg(test)]
mod tests;
