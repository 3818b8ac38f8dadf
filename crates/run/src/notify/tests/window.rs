//! What the peer of a program sees of its window, and what becomes of small segments.

use super::Lan;
use danja::stack::views::TcpState;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

#[test]
fn the_right_edge_never_moves_left() {
    let lan = Lan::new();
    let (tell, told) = mpsc::channel();
    let done = Arc::new(AtomicBool::new(false));
    let (host, over) = (lan.other.clone(), Arc::clone(&done));
    // The peer's own view of the window, a thousand times a second.
    let watcher = thread::spawn(move || {
        let (mut last, mut seen, mut closed) = (None, 0, 0);
        while !over.load(Ordering::SeqCst) {
            for info in host.sockets() {
                let Some(tcp) = info.tcp.filter(|_| info.state == Some(TcpState::Established))
                else {
                    continue;
                };
                let edge = tcp.snd_una.after(tcp.snd_wnd as usize);
                if let Some(last) = last {
                    assert!(edge.ge(last), "the right edge went from {last:?} to {edge:?}");
                }
                closed += u32::from(tcp.snd_wnd == 0);
                seen += 1;
                last = Some(edge);
            }
            thread::sleep(Duration::from_millis(1));
        }
        (seen, closed)
    });
    lan.serve(7, move |mut stream| {
        stream.set_nodelay(true).unwrap();
        let mut sent = 0_u32;
        // Of all sizes, many of them one byte.
        for round in 0..3000_u32 {
            let size =
                if round % 3 == 0 { 1 } else { round.wrapping_mul(2_654_435_761) % 1500 + 1 };
            let block: Vec<u8> = (sent..sent + size).map(|at| (at % 251) as u8).collect();
            stream.write_all(&block).unwrap();
            sent += size;
        }
        tell.send(sent).unwrap();
    });
    lan.python(
        "s = socket.socket(); s.setsockopt(1, socket.SO_RCVBUF, 20000); s.connect(('10.0.0.2', 7))
time.sleep(0.5)
at = 0
while True:
    got = s.recv(at % 977 + 1)
    if not got: break
    assert got == bytes((at + i) % 251 for i in range(len(got))), at
    at += len(got)
    if at % 7 == 0: time.sleep(0.002)
print(at)
",
    );
    let sent = told.recv().unwrap();
    assert!(sent > 1_000_000);
    done.store(true, Ordering::SeqCst);
    let (seen, closed) = watcher.join().unwrap();
    assert!(seen > 50 && closed > 0, "looked {seen} times, closed {closed} times");
}

#[test]
fn small_segments_are_joined() {
    const BYTES: usize = 20_000;
    let lan = Lan::new();
    lan.serve(7, |mut stream| {
        stream.set_nodelay(true).unwrap();
        for at in 0..BYTES {
            stream.write_all(&[(at % 251) as u8]).unwrap();
        }
        // All of it is taken, though nobody reads: the window is counted in bytes.
        while stream.control_info().is_some_and(|info| info.send_queue > 0) {
            thread::sleep(Duration::from_millis(5));
        }
        stream.write_all(b"!").unwrap();
    });
    lan.python(
        "import fcntl
s = socket.create_connection(('10.0.0.2', 7))
def waiting(): return struct.unpack('i', fcntl.ioctl(s, 0x541b, bytes(4)))[0]
# Single bytes fill the pair with a few hundred of them.
time.sleep(1)
got = b''
deadline = time.time() + 30
most = 0
while len(got) < 20001:
    assert time.time() < deadline, len(got)
    most = max(most, waiting())
    got += s.recv(100000)
    # Room was made: what waits behind comes in large pieces.
    time.sleep(0.3)
assert got == bytes(i % 251 for i in range(20000)) + b'!'
assert most > 3000, most
",
    );
}
