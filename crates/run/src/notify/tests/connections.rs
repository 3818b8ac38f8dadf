//! Connections that a program makes, and their ends.

use super::Lan;
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

#[test]
fn a_program_connects_and_talks() {
    let lan = Lan::new();
    lan.echo(7);
    lan.python(
        "s = socket.socket(); s.connect(('10.0.0.2', 7))
assert s.getpeername() == ('10.0.0.2', 7), s.getpeername()
assert s.getsockname()[0] == '10.0.0.1'
data = os.urandom(3000000)
threading.Thread(target=lambda: (s.sendall(data), s.shutdown(1))).start()
got = b''
while True:
    more = s.recv(65536)
    if not more: break
    got += more
assert got == data, (len(got), len(data))
",
    );
}

#[test]
fn a_refused_connection_is_refused() {
    let lan = Lan::new();
    lan.echo(7);
    lan.python(
        "s = socket.socket()
try: s.connect(('10.0.0.2', 8)); assert 0
except ConnectionRefusedError: pass
s.connect(('10.0.0.2', 7))
s = socket.socket(); s.setblocking(0)
p = select.poll(); p.register(s, 0xfff)
assert s.connect_ex(('10.0.0.2', 8)) == errno.EINPROGRESS
assert p.poll(5000)[0][1] & select.POLLERR
assert s.getsockopt(1, socket.SO_ERROR) == errno.ECONNREFUSED
assert s.getsockopt(1, socket.SO_ERROR) == 0
assert s.connect_ex(('10.0.0.2', 7)) == errno.ECONNABORTED
assert s.connect_ex(('10.0.0.2', 7)) == errno.EINPROGRESS
p.unregister(s); p.register(s, select.POLLOUT)
assert p.poll(5000)[0][1] == select.POLLOUT
assert s.getsockopt(1, socket.SO_ERROR) == 0
s.send(b'x'); s.setblocking(1); assert s.recv(9) == b'x'
",
    );
}

#[test]
fn a_program_serves() {
    let lan = Lan::new();
    lan.python(
        "l = socket.create_server(('', 80))
def client():
    c = socket.create_connection(('127.0.0.1', 80)); c.sendall(b'hello'); assert c.recv(9) == b'HELLO'; c.close()
t = threading.Thread(target=client); t.start()
s, a = l.accept(); assert a[0] == '127.0.0.1', a
s.sendall(s.recv(9).upper()); t.join(); assert s.recv(9) == b''
",
    );
}

#[test]
fn a_descriptor_may_be_in_an_epoll_before_it_connects() {
    let lan = Lan::new();
    lan.echo(7);
    lan.python(
        "for edge in (0, select.EPOLLET):
    s = socket.socket(); s.setblocking(0)
    e = select.epoll(); e.register(s, select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | edge)
    assert e.poll(1)[0][1] == select.EPOLLOUT | select.EPOLLHUP
    assert s.connect_ex(('10.0.0.2', 7)) == errno.EINPROGRESS
    assert e.poll(5)[0][1] == select.EPOLLOUT
    assert s.getsockopt(1, socket.SO_ERROR) == 0
    assert s.connect_ex(('10.0.0.2', 7)) == 0
    assert s.connect_ex(('10.0.0.2', 7)) == errno.EISCONN
    s.send(b'hello')
    while True:
        if e.poll(5)[0][1] & select.EPOLLIN: break
    assert s.recv(9) == b'hello'
",
    );
}

#[test]
fn a_reset_looks_as_tcp_does() {
    let lan = Lan::new();
    lan.serve(7, |mut stream| {
        let mut first = [0; 1];
        stream.read_exact(&mut first).unwrap();
        let zero = danja::net::SocketOption::Linger(Some(Duration::ZERO));
        stream.as_socket().set_option(zero).unwrap();
    });
    lan.python(
        "s = socket.create_connection(('10.0.0.2', 7)); s.send(b'x')
p = select.poll(); p.register(s, 0x2fff)
deadline = time.time() + 5
while not p.poll(5000)[0][1] & select.POLLERR: assert time.time() < deadline
assert p.poll()[0][1] & 0x201d == 0x201d, p.poll()
try: s.recv(9); assert 0
except ConnectionResetError: pass
assert s.recv(9) == b''
assert s.getsockopt(1, socket.SO_ERROR) == 0
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
try: s.send(b'x'); assert 0
except BrokenPipeError: pass
s = socket.create_connection(('10.0.0.2', 7)); s.send(b'x')
p = select.poll(); p.register(s, 0)
p.poll(5000)
assert s.getsockopt(1, socket.SO_ERROR) == errno.ECONNRESET
assert s.recv(9) == b''
",
    );
}

#[test]
fn a_half_of_a_connection_goes_on_without_the_other() {
    let lan = Lan::new();
    lan.serve(7, |mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(format!("{} bytes", all.len()).as_bytes()).unwrap();
    });
    lan.python(
        "s = socket.create_connection(('10.0.0.2', 7)); s.sendall(bytes(100000)); s.shutdown(1)
p = select.poll(); p.register(s, 0x2fff)
assert s.recv(99) == b'100000 bytes' and s.recv(99) == b''
assert s.getpeername()[1] == 7 if s.getsockopt(6, socket.TCP_INFO, 1)[0] != 7 else 1
try: s.send(b'x'); assert 0
except BrokenPipeError: pass
",
    );
}

#[test]
fn calls_that_wait_are_ended_by_signals_and_times() {
    let lan = Lan::new();
    lan.python(
        "class Rang(Exception): pass
def ring(*_): raise Rang
signal.signal(signal.SIGALRM, ring)
s = socket.socket(); signal.setitimer(signal.ITIMER_REAL, 0.1)
try: s.connect(('10.0.0.99', 7)); assert 0
except Rang: pass
time.sleep(0.2)
p = select.poll(); p.register(s, 0xfff); assert p.poll(0) == [], p.poll(0)
s.close()
l = socket.create_server(('', 80)); signal.setitimer(signal.ITIMER_REAL, 0.1)
try: l.accept(); assert 0
except Rang: pass
l.setsockopt(1, socket.SO_RCVTIMEO, struct.pack('ll', 0, 100000))
try: l.accept(); assert 0
except BlockingIOError: pass
s = socket.socket(); s.setsockopt(1, socket.SO_SNDTIMEO, struct.pack('ll', 0, 100000))
assert s.connect_ex(('10.0.0.99', 7)) == errno.EINPROGRESS
s = socket.socket(); start = time.time()
assert s.connect_ex(('10.0.0.99', 7)) == errno.EHOSTUNREACH
assert time.time() - start < 10
",
    );
}

#[test]
fn a_reset_reaches_who_accepted() {
    let lan = Lan::new();
    lan.python(
        "l = socket.create_server(('', 80))
for before in (b'', b'x'):
    c = socket.create_connection(('127.0.0.1', 80)); s, a = l.accept()
    c.sendall(before)
    if before: assert s.recv(9) == before
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); c.close()
    try: s.recv(9); assert 0, 'no reset'
    except ConnectionResetError: pass
",
    );
}

#[test]
fn accept_waits_again_and_again() {
    let lan = Lan::new();
    lan.python(
        "l = socket.create_server(('', 80)); socks = []
def client(): time.sleep(0.02); socks.append(socket.create_connection(('127.0.0.1', 80)))
for _ in range(5):
    t = threading.Thread(target=client); t.start(); l.accept(); t.join()
",
    );
}

#[test]
fn a_listener_that_is_closed_refuses() {
    let lan = Lan::new();
    lan.python_apart(
        "for _ in range(5):
    l = socket.create_server(('', 80)); l.close()
    try: socket.create_connection(('127.0.0.1', 80)); assert 0, 'connected'
    except ConnectionRefusedError: pass
",
    );
}

#[test]
fn a_second_connection_of_a_descriptor_is_seen_by_those_who_watched_the_first() {
    let lan = Lan::new();
    lan.echo(7);
    lan.python(
        "s = socket.socket(); s.setblocking(0); other = s.dup()
e = select.epoll(); e.register(s, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
assert s.connect_ex(('10.0.0.2', 8)) == errno.EINPROGRESS
while not e.poll(5)[0][1] & select.EPOLLERR: pass
assert s.getsockopt(1, socket.SO_ERROR) == errno.ECONNREFUSED
s.connect_ex(('10.0.0.2', 7))
assert s.connect_ex(('10.0.0.2', 7)) == errno.EINPROGRESS
while e.poll(5)[0][1] != select.EPOLLOUT: pass
other.send(b'hello')
while not e.poll(5)[0][1] & select.EPOLLIN: pass
assert s.recv(9) == b'hello'
e.modify(s, select.EPOLLOUT); e.unregister(s)
",
    );
}

#[test]
fn what_was_begun_is_taken_back() {
    let lan = Lan::new();
    lan.echo(7);
    lan.python(
        "import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def disconnect(s): assert libc.connect(s.fileno(), bytes(16), 16) == 0, ctypes.get_errno()
def mask(s): p = select.poll(); p.register(s, 0x2007); return [m for _, m in p.poll(0)]
l = socket.create_server(('127.0.0.1', 4000)); s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
s.connect(l.getsockname()); c, _ = l.accept()
disconnect(s)
assert mask(s) == [select.POLLOUT | select.POLLHUP], mask(s)
try: s.getpeername(); assert 0
except OSError as e: assert e.errno == errno.ENOTCONN
try: c.recv(1); assert 0
except ConnectionResetError: pass
s.connect(('10.0.0.2', 7)); s.send(b'x'); assert s.recv(9) == b'x'
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
s = socket.socket(); said = []
t = threading.Thread(target=lambda: said.append(s.connect_ex(('10.0.0.99', 7)))); t.start()
time.sleep(0.2)
s.shutdown(socket.SHUT_RDWR); t.join(); assert said == [errno.ECONNRESET], said
s = socket.socket(); s.setblocking(0)
assert s.connect_ex(('10.0.0.99', 7)) == errno.EINPROGRESS
disconnect(s); assert mask(s) == [select.POLLOUT | select.POLLHUP]
for how in range(3):
    try: s.shutdown(how); assert 0
    except OSError as e: assert e.errno == errno.ENOTCONN
where = l.getsockname(); disconnect(l); assert socket.socket().connect_ex(where) == errno.ECONNREFUSED
l.listen(); s = socket.create_connection(where)
",
    );
}

#[test]
fn calls_with_a_time_give_up_in_time_and_are_not_made_again() {
    let lan = Lan::new();
    lan.echo(7);
    lan.python(
        "import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def result(done): return errno.errorcode[ctypes.get_errno()] if done < 0 else done
soon = struct.pack('ll', 0, 300000)
s = socket.create_connection(('10.0.0.2', 7)); s.setsockopt(1, socket.SO_RCVTIMEO, soon)
room, size = ctypes.create_string_buffer(16), ctypes.c_int(16)
assert result(libc.recvfrom(s.fileno(), room, 1, 0, room, ctypes.byref(size))) == 'EAGAIN'
signal.signal(signal.SIGALRM, lambda *_: None); signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.1)
l = socket.create_server(('', 80)); l.setsockopt(1, socket.SO_RCVTIMEO, soon)
assert result(libc.accept(l.fileno(), None, None)) == 'EINTR'
assert result(libc.accept(l.fileno(), None, None)) == 'EAGAIN'
s = socket.socket(); s.setsockopt(1, socket.SO_SNDTIMEO, soon)
assert s.connect_ex(('10.0.0.99', 7)) == errno.EINPROGRESS
assert s.connect_ex(('10.0.0.99', 7)) == errno.EALREADY
assert socket.socket().connect_ex(('127.0.0.1', 0)) == errno.ECONNREFUSED
",
    );
}

#[test]
fn urgent_bytes_are_urgent_at_both_ends() {
    let lan = Lan::new();
    lan.serve(7, |stream| {
        use danja::net::{RecvFlags, SendFlags};
        let socket = stream.as_socket();
        let mut buffer = [0; 16];
        let mut heard = Vec::new();
        while heard.len() < 6 {
            let count = socket.recv_with(&mut buffer, RecvFlags::default()).unwrap().bytes;
            heard.extend_from_slice(&buffer[..count]);
        }
        let urgent = RecvFlags { urgent: true, ..RecvFlags::default() };
        while socket.recv_with(&mut buffer[..1], urgent).is_err() {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!((&heard[..], buffer[0]), (&b"before"[..], b'!'));
        socket.send_with(b"one", SendFlags::default()).unwrap();
        socket.send_with(b"?", SendFlags { urgent: true, ..SendFlags::default() }).unwrap();
        socket.send_with(b"two", SendFlags::default()).unwrap();
        // What is urgent counts as unread until one has read beyond it.
        assert_eq!(socket.recv_with(&mut buffer, RecvFlags::default()).unwrap().bytes, 0);
    });
    lan.python(
        "s = socket.create_connection(('10.0.0.2', 7)); s.send(b'before'); s.send(b'!', socket.MSG_OOB)
p = select.poll(); p.register(s, select.POLLPRI); assert p.poll(5000)[0][1] == select.POLLPRI
time.sleep(0.2)
assert s.recv(9, socket.MSG_OOB) == b'?'
assert s.recv(9) == b'one'
assert s.recv(9) == b'two'
s.shutdown(1); assert s.recv(9) == b''
",
    );
}

#[test]
fn who_asks_for_all_waits_for_all_with_a_place_for_an_address_too() {
    let lan = Lan::new();
    lan.serve(7, |mut stream| {
        for _ in 0..6 {
            thread::sleep(Duration::from_millis(30));
            stream.write_all(&[b'x'; 100]).unwrap();
        }
        let _ = stream.read(&mut [0]);
    });
    lan.python(
        "s = socket.create_connection(('10.0.0.2', 7))
assert len(s.recvfrom(500, socket.MSG_WAITALL)[0]) == 500
s.shutdown(socket.SHUT_WR)
assert len(s.recvfrom(500, socket.MSG_WAITALL)[0]) == 100, 'the end'
assert s.recvfrom(500, socket.MSG_WAITALL)[0] == b''
",
    );
}
