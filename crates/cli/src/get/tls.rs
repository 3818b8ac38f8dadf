//! Whom `https://` trusts, and what is wrong with a server's certificate, in words. What is right
//! and wrong is `rustls`'s to say.

use crate::failure::Failure;
use rustls::CertificateError as Wrong;
use rustls::pki_types::{ServerName, UnixTime};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// Mozilla's list of authorities, or those of a file and no others.
pub(super) fn trust(file: Option<&Path>) -> Result<TlsConfig, Failure> {
    let Some(path) = file else { return Ok(TlsConfig::default()) };
    let wrong = |what: &str| Failure::new(format_args!("--cacert {}: {what}", path.display()));
    let text = std::fs::read(path).map_err(|error| wrong(&error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&text) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(wrong(&format!("not PEM: {error}"))),
        }
    }
    if certificates.is_empty() {
        return Err(wrong("no certificate in it; PEM has -----BEGIN CERTIFICATE----- lines"));
    }
    let roots = RootCerts::Specific(Arc::new(certificates));
    Ok(TlsConfig::builder().root_certs(roots).build())
}

/// What an error of TLS means, and what can be done about it; `None` for another error.
pub(super) fn words(error: &ureq::Error) -> Option<String> {
    let tls = match error {
        ureq::Error::Rustls(error) => error,
        ureq::Error::Io(error) => inside(error)?,
        _ => return None,
    };
    Some(match tls {
        rustls::Error::InvalidCertificate(wrong) => certificate(wrong),
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            "the server does not speak TLS at this port: is it http:// that is meant?".to_owned()
        }
        rustls::Error::AlertReceived(alert) => {
            format!("the server ends the TLS handshake: {alert:?}")
        }
        other => format!("TLS: {other}"),
    })
}

/// The error of `rustls` in one of input and output.
fn inside(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn certificate(wrong: &Wrong) -> String {
    let what = match wrong {
        // A bad signature: of an authority that has the name of a trusted one, but not its key.
        Wrong::UnknownIssuer | Wrong::BadSignature => {
            return "the server's certificate is signed by nobody who is trusted here: \
                    --cacert FILE trusts the authorities of a PEM file"
                .to_owned();
        }
        Wrong::NotValidForNameContext { expected, presented } => {
            let name = match expected {
                ServerName::DnsName(name) => name.as_ref().to_owned(),
                ServerName::IpAddress(address) => std::net::IpAddr::from(*address).to_string(),
                other => format!("{other:?}"),
            };
            format!("is not for {name}, but for {}", names(presented))
        }
        Wrong::ExpiredContext { not_after, .. } => format!("expired on {}", date(*not_after)),
        Wrong::NotValidYetContext { not_before, .. } => {
            format!("is not valid before {}", date(*not_before))
        }
        Wrong::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "is an authority's own (CA:TRUE), which may sign others but not serve".to_owned()
        }
        other => return format!("the server's certificate cannot be trusted: {other:?}"),
    };
    format!("the server's certificate {what}")
}

/// The names of a certificate: `DnsName("a")` is `a`.
fn names(presented: &[String]) -> String {
    let plain: Vec<&str> = presented
        .iter()
        .map(|name| name.split_once('(').map_or(name.as_str(), |(_, inner)| inner))
        .map(|name| name.trim_matches(['"', ')']))
        .collect();
    if plain.is_empty() { "no name at all".to_owned() } else { plain.join(", ") }
}

fn date(time: UnixTime) -> String {
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs()))
}
