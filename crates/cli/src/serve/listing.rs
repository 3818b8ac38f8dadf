//! The page of a folder without an `index.html`.

use crate::quantity::human_bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fs;
use std::io;
use std::path::Path;

/// What stays as it is in a path segment of a URL (RFC 3986 §2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// A folder with more entries is listed up to here.
const ENTRIES: usize = 10_000;

/// The page; `shown` is the folder's path in the URL, `top` says that nothing is above it.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn page(folder: &Path, shown: &str, top: bool) -> io::Result<String> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)?.take(ENTRIES) {
        let entry = entry?;
        // What a symbolic link leads to; a broken one is shown as it is.
        let metadata = fs::metadata(entry.path()).or_else(|_| entry.metadata())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        entries.push((!metadata.is_dir(), name, metadata.len()));
    }
    entries.sort();
    let title = escape(&percent_decode_str(shown).decode_utf8_lossy());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n:root {{ color-scheme: light dark; }}\n\
         body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; \
         padding: 0 1rem; }}\ntable {{ width: 100%; border-collapse: collapse; }}\n\
         td {{ border-bottom: 1px solid #8884; padding: .2rem 0; }}\n\
         td + td {{ text-align: right; opacity: .7; }}\n</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n<table>\n"
    );
    if !top {
        page.push_str("<tr><td><a href=\"../\">../</a></td><td></td></tr>\n");
    }
    for (is_file, name, length) in &entries {
        let slash = if *is_file { "" } else { "/" };
        // "./": a name with a colon is no URL of its own.
        let link = format!("./{}{slash}", utf8_percent_encode(name, SEGMENT));
        let size = if *is_file { human_bytes(*length) } else { String::new() };
        page.push_str(&format!(
            "<tr><td><a href=\"{link}\">{}{slash}</a></td><td>{size}</td></tr>\n",
            escape(name)
        ));
    }
    page.push_str("</table>\n</body>\n</html>\n");
    Ok(page)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_sorted() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b <i>&\"quoted\".txt"), "12345").unwrap();
        fs::write(folder.path().join("a:b"), "").unwrap();
        fs::create_dir(folder.path().join("z")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("broken")).unwrap();
        let page = page(folder.path(), "/%3Cb%3E/", false).unwrap();
        assert!(page.contains("<h1>/&lt;b&gt;/</h1>"), "{page}");
        assert!(page.contains("href=\"./b%20%3Ci%3E%26%22quoted%22.txt\">b &lt;i&gt;&amp;&quot;"));
        assert!(page.contains("href=\"./a%3Ab\""));
        assert!(page.contains("5 bytes") && page.contains("href=\"../\""));
        assert!(page.find("./z/").unwrap() < page.find("./a%3Ab").unwrap());
        assert!(page.contains("./broken"));
    }
}
