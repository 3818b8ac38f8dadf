//! URLs as they are typed.

use crate::failure::Failure;
use ureq::http::Uri;

/// A URL, with `http://` where the scheme is left out.
pub(super) fn parse(text: &str) -> Result<Uri, Failure> {
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
