//! A web server on the kernel's side (nginx), and files for servers to serve.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use crate::namespace::{KERNEL, Namespace};
use crate::program::Program;

/// Bytes of a large file: `full` with `DANJA_FULL=1`, else `short`.
pub(crate) fn size(full: u64, short: u64) -> u64 {
    if std::env::var("DANJA_FULL").is_ok_and(|on| on == "1") { full } else { short }
}

/// Writes `size` bytes that do not compress and do not repeat, the same for the same `seed`.
pub(crate) fn write_file(path: &Path, size: u64, seed: u64) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).expect("a new file"));
    let mut state = seed | 1;
    for _ in 0..size.div_ceil(8) {
        // Marsaglia's xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.write_all(&state.to_le_bytes()).expect("the disk has room");
    }
    let file = out.into_inner().expect("the disk has room");
    file.set_len(size).expect("the file is ours");
}

/// The SHA-256 of a file, by coreutils.
pub(crate) fn sha256(path: &Path) -> String {
    let mut command = Command::new("sha256sum");
    command.arg(path);
    first_word(&Program::succeed(command))
}

/// The first word of a program's output: the sum, of `sha256sum`'s.
pub(crate) fn first_word(output: &[u8]) -> String {
    String::from_utf8_lossy(output).split_whitespace().next().unwrap_or_default().to_owned()
}

/// Starts nginx in `namespace` with `folder` as its pages, port 80; `scratch` is for its own
/// files. In the foreground and in one process, so that ending it ends all of it; as the
/// namespace's root, whom a user namespace has, as it has no `nobody`.
pub(crate) fn nginx(namespace: &Namespace, folder: &Path, scratch: &Path) -> Program {
    let (pages, own) = (folder.display(), scratch.display());
    let configuration = format!(
        "user root; daemon off; master_process off; pid {own}/pid; error_log {own}/error.log;
        events {{ worker_connections 2048; }}
        http {{
            access_log off; sendfile on; keepalive_timeout 5s;
            client_body_temp_path {own}/body; proxy_temp_path {own}/proxy;
            fastcgi_temp_path {own}/fastcgi; uwsgi_temp_path {own}/uwsgi;
            scgi_temp_path {own}/scgi;
            server {{ listen {KERNEL}:80 backlog=512; root {pages}; }}
        }}"
    );
    let file = scratch.join("nginx.conf");
    fs::write(&file, configuration).expect("the folder is ours");
    let mut command = namespace.command("nginx");
    command.arg("-c").arg(&file).arg("-e").arg(scratch.join("error.log"));
    let program = Program::start(command);
    wait_until_listening(namespace, 80);
    program
}

/// Waits until somebody listens on a TCP port of the kernel's side.
pub(crate) fn wait_until_listening(namespace: &Namespace, port: u16) {
    let line = format!(
        "for try in $(seq 200); do
            ss -Htln 'sport = :{port}' | grep -q . && exit 0
            sleep 0.05
        done
        echo nobody listens on port {port} >&2; exit 1"
    );
    namespace.shell(&line);
}
