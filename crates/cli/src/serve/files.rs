//! Answers of a file server: whole files and ranges, folders, "not modified" (RFC 9110). Nothing
//! outside its folder is served, whatever a path or a symbolic link says.

use super::listing;
use crate::failure::Failure;
use danja_gateway::http::{Body, Method, Request, Response, StatusCode, header, text};
use header::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use std::fs::{File, Metadata};
use std::io::{Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// The files of one folder.
#[derive(Debug)]
pub(super) struct Files {
    /// Without symbolic links.
    root: PathBuf,
}

/// Which bytes of a file are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Range {
    /// All of them.
    Whole,
    /// From the first to the last, both included.
    Part(u64, u64),
    /// Bytes that the file does not have.
    Outside,
}

impl Files {
    /// The files of this folder.
    pub(super) fn new(folder: &Path) -> Result<Self, Failure> {
        let wrong = |what: &dyn std::fmt::Display| {
            Failure::new(format_args!(
                "the folder {} cannot be served: {what}. Write danja serve . for this one",
                folder.display()
            ))
        };
        let root = folder.canonicalize().map_err(|error| wrong(&error))?;
        if !root.is_dir() {
            return Err(wrong(&"it is not a folder"));
        }
        Ok(Self { root })
    }

    /// The answer to a request.
    pub(super) fn answer(&self, request: &Request) -> Response {
        let method = &request.parts.method;
        if method != Method::GET && method != Method::HEAD {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Files can only be fetched.");
            set(&mut response, header::ALLOW, "GET, HEAD");
            return response;
        }
        let mut response = match self.find(request.parts.uri.path()) {
            None => plain(StatusCode::NOT_FOUND, "There is no such file."),
            Some(path) => self.found(&path, request).unwrap_or_else(|error| {
                let status = match error.kind() {
                    std::io::ErrorKind::NotFound => StatusCode::NOT_FOUND,
                    std::io::ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
                    _ => StatusCode::INTERNAL_SERVER_ERROR,
                };
                plain(status, "This cannot be read.")
            }),
        };
        if method == Method::HEAD && response.status() != StatusCode::NOT_MODIFIED {
            // The length that a GET would have; the body is not sent.
            let length = hyper::body::Body::size_hint(response.body()).exact().unwrap_or(0);
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
            *response.body_mut() = Body::empty();
        }
        response
    }

    /// The file or folder of a URL's path, if it is there and inside the root.
    fn find(&self, path: &str) -> Option<PathBuf> {
        let decoded = percent_decode_str(path).decode_utf8().ok()?;
        let mut found = self.root.clone();
        for component in Path::new(decoded.trim_start_matches('/')).components() {
            match component {
                Component::Normal(name) => found.push(name),
                Component::CurDir => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        if decoded.contains('\0') {
            return None;
        }
        let real = found.canonicalize().ok()?;
        real.starts_with(&self.root).then_some(real)
    }

    fn found(&self, path: &Path, request: &Request) -> std::io::Result<Response> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_file() {
            return serve_file(file, &metadata, path, request);
        }
        if !metadata.is_dir() {
            // A pipe or device would be read for ever.
            return Ok(plain(StatusCode::FORBIDDEN, "This is not a file."));
        }
        let uri = &request.parts.uri;
        if !uri.path().ends_with('/') {
            // Links of the folder's page are relative to it. One slash in front: two would name
            // another server.
            let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            let target = format!("/{}/{query}", uri.path().trim_start_matches('/'));
            let mut response = plain(StatusCode::MOVED_PERMANENTLY, "This is a folder.");
            set(&mut response, header::LOCATION, &target);
            return Ok(response);
        }
        let index = path.join("index.html");
        if let Some(real) = index.canonicalize().ok().filter(|real| real.starts_with(&self.root))
            && real.is_file()
        {
            let file = File::open(&real)?;
            let metadata = file.metadata()?;
            return serve_file(file, &metadata, &real, request);
        }
        let top = path == self.root;
        Ok(text(StatusCode::OK, HTML, listing::page(path, uri.path(), top)?))
    }
}

fn plain(status: StatusCode, words: &str) -> Response {
    text(status, TEXT, format!("{words}\n"))
}

/// Sets a header; a value that cannot stand in one is left out.
fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn serve_file(
    mut file: File,
    metadata: &Metadata,
    path: &Path,
    request: &Request,
) -> std::io::Result<Response> {
    let length = metadata.len();
    let modified = metadata.modified().ok().map(httpdate::fmt_http_date);
    let mut response;
    if unmodified(request, modified.as_deref()) {
        response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        match range(request, length, modified.as_deref()) {
            Range::Whole => response = Response::new(Body::file(file, length)),
            Range::Part(first, last) => {
                file.seek(SeekFrom::Start(first))?;
                let count = last.saturating_sub(first).saturating_add(1);
                response = Response::new(Body::file(file, count));
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                let part = format!("bytes {first}-{last}/{length}");
                set(&mut response, header::CONTENT_RANGE, &part);
            }
            Range::Outside => {
                response = plain(StatusCode::RANGE_NOT_SATISFIABLE, "It is not that long.");
                set(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
                return Ok(response);
            }
        }
        set(&mut response, header::CONTENT_TYPE, &kind(path));
    }
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    if let Some(modified) = &modified {
        set(&mut response, header::LAST_MODIFIED, modified);
    }
    Ok(response)
}

/// What a file is, by its name.
fn kind(path: &Path) -> String {
    let guess = mime_guess::from_path(path).first_or_octet_stream();
    let known = guess.essence_str().to_owned();
    if guess.type_() == mime_guess::mime::TEXT { format!("{known}; charset=utf-8") } else { known }
}

/// RFC 9110 §13.1.3: whether the client's copy is as new as the file.
fn unmodified(request: &Request, modified: Option<&str>) -> bool {
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let since: Option<SystemTime> = request.header(header::IF_MODIFIED_SINCE).and_then(date);
    // RFC 9110 §13.1.3: ignored beside If-None-Match, whose tags we never gave.
    let overruled = request.header(header::IF_NONE_MATCH).is_some();
    match (since, modified.and_then(date)) {
        (Some(since), Some(modified)) => !overruled && modified <= since,
        _ => false,
    }
}

/// RFC 9110 §14: the range that is asked for. Several at once, and what cannot be read, are
/// answered with the whole, as the RFC allows.
fn range(request: &Request, length: u64, modified: Option<&str>) -> Range {
    let Some(asked) = request.header(header::RANGE) else { return Range::Whole };
    // RFC 9110 §13.1.5: a range of another version would be a chimera.
    if request.header(header::IF_RANGE).is_some_and(|version| Some(version) != modified) {
        return Range::Whole;
    }
    parse_range(asked, length)
}

fn parse_range(asked: &str, length: u64) -> Range {
    let Some(asked) = asked.trim().strip_prefix("bytes=") else { return Range::Whole };
    let Some((first, last)) = asked.trim().split_once('-') else { return Range::Whole };
    let end = length.saturating_sub(1);
    let number = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| {
            // More digits than fit are more bytes than there are.
            text.parse::<u64>().unwrap_or(u64::MAX)
        })
    };
    match (first, last, number(first), number(last)) {
        ("", "", ..) | (_, _, None, _) | (_, _, _, None) => Range::Whole,
        ("", _, _, Some(0)) => Range::Outside,
        ("", _, _, Some(_)) if length == 0 => Range::Outside,
        ("", _, _, Some(count)) => Range::Part(length.saturating_sub(count), end),
        (_, _, Some(first), _) if first >= length => Range::Outside,
        (_, "", Some(first), _) => Range::Part(first, end),
        (_, _, Some(first), Some(last)) if last < first => Range::Whole,
        (_, _, Some(first), Some(last)) => Range::Part(first, last.min(end)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn ranges() {
        for (asked, expected) in [
            ("bytes=0-9", Range::Part(0, 9)),
            ("bytes=10-", Range::Part(10, 99)),
            ("bytes=-5", Range::Part(95, 99)),
            ("bytes=-500", Range::Part(0, 99)),
            ("bytes=90-500", Range::Part(90, 99)),
            ("bytes=99-99", Range::Part(99, 99)),
            ("bytes=100-", Range::Outside),
            ("bytes=-0", Range::Outside),
            ("bytes=99999999999999999999-", Range::Outside),
            ("bytes=5-4", Range::Whole),
            ("bytes=0-1,5-6", Range::Whole),
            ("bytes=-", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("lines=1-2", Range::Whole),
        ] {
            assert_eq!(parse_range(asked, 100), expected, "{asked}");
        }
        assert_eq!(parse_range("bytes=0-0", 0), Range::Outside);
        assert_eq!(parse_range("bytes=-1", 0), Range::Outside);
    }

    #[test]
    fn nothing_outside_the_folder_is_found() {
        let outside = tempfile::tempdir().unwrap();
        let inside = outside.path().join("inside");
        fs::create_dir_all(inside.join("sub folder")).unwrap();
        fs::write(outside.path().join("secret"), "secret").unwrap();
        fs::write(inside.join("sub folder/page"), "page").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), inside.join("link")).unwrap();
        let files = Files::new(&inside).unwrap();
        assert!(files.find("/").is_some());
        assert!(files.find("/sub%20folder/page").is_some());
        for path in [
            "/../secret",
            "/%2e%2e/secret",
            "/sub%20folder/../../secret",
            "/link",
            "//../secret",
            "/%2e%2e%2fsecret",
            "/nothing",
            "/page%00",
            "/%ff",
        ] {
            assert!(files.find(path).is_none(), "{path}");
        }
        assert!(Files::new(&outside.path().join("secret")).is_err());
        assert!(Files::new(&outside.path().join("nothing")).is_err());
    }
}
