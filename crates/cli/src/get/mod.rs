//! `danja get`: fetches one document. HTTP is `ureq`'s; the sockets under it are ours.

mod transport;

use crate::args::{GetArgs, Talk};
use crate::failure::{Failure, explain_io};
use crate::interrupt::on_interrupt;
use crate::network::Network;
use crate::output::{exit, talk, watched, write_failed};
use crate::quantity::{human_bytes, human_time};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use transport::{Dialler, Names};
use ureq::http::{Response, Uri};
use ureq::unversioned::transport::{Connector, RustlsConnector};
use ureq::{Agent, Body};

/// Read at once, in bytes.
const CHUNK: usize = 128 * 1024;
/// A transfer that takes longer is shown under way.
const PATIENCE: Duration = Duration::from_millis(500);
/// How much of an error's page is shown.
const EXCERPT: u64 = 2048;

pub(crate) fn run(args: &GetArgs, talk: Talk) -> Result<ExitCode, Failure> {
    let uri = parse(&args.url)?;
    let network = Network::new(&args.network, "get")?;
    let received = Arc::new(AtomicU64::new(0));
    let (counted, ended) = (Arc::clone(&received), network.clone());
    on_interrupt(move || {
        let bytes = human_bytes(counted.load(Ordering::Relaxed));
        crate::output::talk(&format!("\ninterrupted: {bytes} received"));
        ended.finish();
    });
    let outcome = fetch(args, talk, &uri, &network, &received);
    network.finish();
    outcome
}

/// A URL, with `http://` where the scheme is left out.
fn parse(text: &str) -> Result<Uri, Failure> {
    let wrong = |what: &str| {
        Err(Failure::new(format_args!(
            "\u{2018}{text}\u{2019} {what}: write http://danja/ or https://example.com/page"
        )))
    };
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let Ok(uri) = whole.parse::<Uri>() else { return wrong("is not a URL") };
    match uri.scheme_str() {
        Some("http" | "https") => {}
        Some(_) => return wrong("is neither http:// nor https://, which are all that is spoken"),
        None => return wrong("is not a URL"),
    }
    match uri.host() {
        None | Some("") => wrong("names no server"),
        Some(host) if uri.port_u16().is_none() && names_port(&uri, host) => {
            wrong("names no port after the colon, which is a number up to 65535")
        }
        Some(_) => Ok(uri),
    }
}

/// Whether something stands where a port would, after the server's name.
fn names_port(uri: &Uri, host: &str) -> bool {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    authority.rsplit('@').next().is_some_and(|server| server.len() > host.len())
}

fn agent(network: &Network) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // Variables of the environment name proxies of the machine's network, not of ours.
        .proxy(None)
        .user_agent(concat!("danja/", env!("CARGO_PKG_VERSION")))
        .build();
    let connector = Dialler::new(&network.host).chain(RustlsConnector::default());
    Agent::with_parts(config, connector, Names::new(network))
}

fn fetch(
    args: &GetArgs,
    verbosity: Talk,
    uri: &Uri,
    network: &Network,
    received: &AtomicU64,
) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let agent = agent(network);
    let wrong = |error: ureq::Error| Failure::new(words(uri, &error, network.is_built_in()));
    let mut response = agent.get(uri).call().map_err(wrong)?;
    if verbosity.verbose > 0 {
        show_head(&response);
    }
    let status = response.status();
    if status.as_u16() >= 400 {
        refuse(uri, &mut response, verbosity);
        return Ok(exit(false));
    }
    let bar = bar(&response, args, verbosity);
    let length = response.body().content_length();
    let mut body = response.body_mut().as_reader();
    let path = args.output.as_deref();
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
    if !verbosity.quiet && path.is_some() {
        summary(bytes, began.elapsed());
    }
    Ok(exit(true))
}

fn summary(bytes: u64, took: Duration) {
    let rate = bytes as f64 / took.as_secs_f64().max(1e-9);
    talk(&format!(
        "{} in {}, {}/s",
        human_bytes(bytes),
        human_time(took),
        human_bytes(rate as u64)
    ));
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
    if verbosity.quiet || !watched() || args.network.show.explain.is_some() {
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

fn show_head(response: &Response<Body>) {
    talk(&format!("< {:?} {}", response.version(), response.status()));
    for (name, value) in response.headers() {
        talk(&format!("< {name}: {}", String::from_utf8_lossy(value.as_bytes())));
    }
}

/// A page that says no: its status, and the beginning of a text.
fn refuse(uri: &Uri, response: &mut Response<Body>, verbosity: Talk) {
    talk(&format!("danja: {uri}: the server answers {}", response.status()));
    let plain = response.body().mime_type() == Some("text/plain");
    if plain && !verbosity.quiet {
        let mut text = String::new();
        let body = response.body_mut().as_reader();
        // What cannot be read is not shown; the status has been.
        let _ = body.take(EXCERPT).read_to_string(&mut text);
        talk(text.trim_end());
    }
}

/// What went wrong before there was a body.
fn words(uri: &Uri, error: &ureq::Error, built_in: bool) -> String {
    let text = match error {
        ureq::Error::Io(error) => explain_io(error, built_in),
        ureq::Error::TooManyRedirects => "the server sends on and on to other addresses".to_owned(),
        ureq::Error::HostNotFound => "no such host".to_owned(),
        other => other.to_string(),
    };
    format!("{uri}: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_may_leave_out_their_scheme() {
        assert_eq!(parse("danja").unwrap().to_string(), "http://danja/");
        assert_eq!(parse("danja:8080/a?b").unwrap().to_string(), "http://danja:8080/a?b");
        assert_eq!(parse("https://danja/").unwrap().scheme_str(), Some("https"));
        for url in [
            "ftp://danja/",
            "",
            "http://",
            "http:// danja/",
            "http:///page",
            "http://danja:/",
            "http://danja:99999/",
        ] {
            let failure = format!("{:?}", parse(url).unwrap_err());
            assert!(failure.contains(url) && failure.contains("http://danja/"), "{failure}");
        }
    }
}
