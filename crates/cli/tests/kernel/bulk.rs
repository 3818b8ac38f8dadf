//! Large files to and from the kernel's programs, whole and unharmed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::namespace::{KERNEL, Namespace, STACK};
use crate::program::Program;
use crate::server::{first_word, nginx, sha256, size, write_file};

const MIB: u64 = 1 << 20;

/// A large transfer may take this long on a slow and busy machine.
const LONG: Duration = Duration::from_secs(900);

/// Says how quick a transfer was, programs' starts and files' reading and writing included.
fn measured(what: &str, file: &Path, began: Instant) {
    let took = began.elapsed().as_secs_f64();
    let bytes = fs::metadata(file).map_or(0, |file| file.len());
    let rate = bytes as f64 / took / 1e6;
    let _ = writeln!(io::stderr(), "MEASURED: {bytes} bytes {what} in {took:.2} s: {rate:.0} MB/s");
}

#[test]
fn a_large_file_is_fetched_from_nginx() {
    let Some(namespace) = Namespace::new("a_large_file_is_fetched_from_nginx") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (pages, scratch) = (folder.path().join("pages"), folder.path().join("scratch"));
    fs::create_dir(&pages).and_then(|()| fs::create_dir(&scratch)).expect("the folder is ours");
    let file = pages.join("large");
    write_file(&file, size(1_024 * MIB, 64 * MIB), 1);
    let _server = nginx(&namespace, &pages, &scratch);

    let fetched = folder.path().join("fetched");
    let url = format!("http://{KERNEL}/large");
    let command = namespace.danja(&["get", &url, "-o", &fetched.to_string_lossy()]);
    let began = Instant::now();
    let finished = Program::start(command).finish(LONG);
    measured("fetched from nginx", &file, began);
    assert!(finished.status.success(), "{}\n{}", finished.status, finished.stderr);
    assert_eq!(sha256(&fetched), sha256(&file));
}

#[test]
fn a_large_file_is_served_to_curl() {
    let Some(namespace) = Namespace::new("a_large_file_is_served_to_curl") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("large");
    write_file(&file, size(1_024 * MIB, 64 * MIB), 2);
    let mut server = Program::start(namespace.danja(&["serve", &folder.path().to_string_lossy()]));
    server.wait_for("serving");

    let mut command = namespace.command("sh");
    let fetched = folder.path().join("fetched");
    let line = format!("curl -sS --fail http://{STACK}/large -o {}", fetched.display());
    command.args(["-euc", &line]);
    let began = Instant::now();
    let finished = Program::start(command).finish(LONG);
    measured("served to curl", &file, began);
    assert!(finished.status.success(), "{}\n{}", finished.status, finished.stderr);
    assert_eq!(sha256(&fetched), sha256(&file), "{}", finished.stderr);
}

/// 8 MiB, or as many as `DANJA_LOSSY_MIB` says.
#[test]
fn a_file_comes_whole_over_a_bad_line() {
    let Some(namespace) = Namespace::new("a_file_comes_whole_over_a_bad_line") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (pages, scratch) = (folder.path().join("pages"), folder.path().join("scratch"));
    fs::create_dir(&pages).and_then(|()| fs::create_dir(&scratch)).expect("the folder is ours");
    let file = pages.join("file");
    let length = std::env::var("DANJA_LOSSY_MIB").map_or(Ok(8), |text| text.parse());
    write_file(&file, length.unwrap_or(8) * MIB, 3);
    let bad = ["--loss", "1%", "--delay", "20ms", "--reorder", "1%", "--seed", "7"];

    let server = nginx(&namespace, &pages, &scratch);
    let fetched = folder.path().join("fetched");
    let url = format!("http://{KERNEL}/file");
    let output = fetched.to_string_lossy();
    let fetch = [&["get", &url, "-o", &output], &bad[..]].concat();
    let finished = Program::start(namespace.danja(&fetch)).finish(LONG);
    assert!(finished.status.success(), "{}\n{}", finished.status, finished.stderr);
    assert_eq!(sha256(&fetched), sha256(&file), "fetched");
    drop(server);

    let folder = pages.to_string_lossy();
    let serve = [&["serve", &folder], &bad[..]].concat();
    let mut server = Program::start(namespace.danja(&serve));
    server.wait_for("serving");
    let mut command = namespace.command("sh");
    let line = format!("curl -sS --fail http://{STACK}/file | sha256sum");
    command.args(["-euc", &line]);
    let finished = Program::start(command).finish(LONG);
    assert_eq!(first_word(&finished.stdout), sha256(&file), "served: {}", finished.stderr);
}
