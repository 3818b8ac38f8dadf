//! Datagram sockets of a program without a namespace.

use super::Lan;
use danja::net::UdpSocket;
use std::thread;

impl Lan {
    /// Sends back what comes to a port, until the test is over.
    fn echo_datagrams(&self, port: u16) {
        let socket = UdpSocket::bind(&self.other, format!("10.0.0.2:{port}")).unwrap();
        thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok((count, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(&buffer[..count], from);
            }
        });
    }
}

#[test]
fn whether_ipv4_is_meant_too_can_be_said_of_a_new_socket() {
    Lan::alone().python(
        "s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for on in (1, 0):
    s.setsockopt(41, socket.IPV6_V6ONLY, on); assert s.getsockopt(41, socket.IPV6_V6ONLY) == on
",
    );
}

#[test]
fn datagrams_go_there_and_back() {
    let lan = Lan::alone();
    lan.echo_datagrams(7);
    lan.python(
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
assert s.getsockopt(1, 38) == 17 and s.getsockopt(1, 39) == 2 and s.getsockopt(1, 3) == 2
p = select.poll(); p.register(s, 0x2fff); assert p.poll(0)[0][1] & 7 == 4, p.poll(0)
for size in (0, 1, 1472, 9000, 65507):
    data = os.urandom(size)
    assert s.sendto(data, ('10.0.0.2', 7)) == size
    assert s.recvfrom(70000) == (data, ('10.0.0.2', 7)), size
assert s.getsockname()[1] != 0
p.register(s, 1); s.sendto(b'abcdef', ('10.0.0.2', 7)); assert p.poll(5000)[0][1] == 1
assert s.recvfrom(9, socket.MSG_PEEK)[0] == b'abcdef'
assert s.recvmsg(4) == (b'abcd', [], socket.MSG_TRUNC, ('10.0.0.2', 7))
s.connect(('10.0.0.2', 7)); assert s.getpeername() == ('10.0.0.2', 7)
assert s.getsockname()[0] == '10.0.0.1'
for number in range(300): s.send(b'%d' % number)
got = []
while len(got) < 300: got.append(int(s.recv(99)))
assert got == list(range(300)), got
os.write(s.fileno(), b'read'); assert os.read(s.fileno(), 99) == b'read'
try: s.sendto(bytes(65508), ('10.0.0.2', 7)); assert 0
except OSError as e: assert e.errno == errno.EMSGSIZE
s.setsockopt(1, socket.SO_RCVTIMEO, struct.pack('ll', 0, 100000))
try: s.recvfrom(9); assert 0
except BlockingIOError: pass
",
    );
}

#[test]
fn the_interface_of_a_datagram_has_a_name() {
    let lan = Lan::alone();
    lan.python(
        "import fcntl
one, two = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
two.bind(('127.0.0.1', 0)); two.setsockopt(0, 8, 1); one.sendto(b'x', two.getsockname())
index = two.recvmsg(9, 99)[1][0][2][:4]
name = fcntl.ioctl(two, 0x8910, bytes(16) + index + bytes(20))[:16].rstrip(b'\\0')
assert name == b'lo', name
for index, _ in socket.if_nameindex():
    fcntl.ioctl(two, 0x8910, bytes(16) + struct.pack('i', index) + bytes(20))
",
    );
}

#[test]
fn a_program_answers_whoever_asks() {
    let lan = Lan::alone();
    let other = lan.other.clone();
    let asks = thread::spawn(move || {
        let sockets: Vec<_> =
            (0..5).map(|_| UdpSocket::bind(&other, "10.0.0.2:0").unwrap()).collect();
        let mut buffer = [0; 99];
        for (index, socket) in sockets.iter().enumerate() {
            socket.set_read_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
            let question = format!("question {index}");
            // It may not be there yet.
            let count = loop {
                socket.send_to(question.as_bytes(), "10.0.0.1:5000").unwrap();
                if let Ok((count, _)) = socket.recv_from(&mut buffer) {
                    break count;
                }
            };
            assert_eq!(&buffer[..count], question.to_uppercase().as_bytes());
        }
        sockets[0].send_to(b"end", "10.0.0.1:5000").unwrap();
    });
    lan.python(
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 5000))
s.setsockopt(0, 8, 1); s.setsockopt(0, 12, 1)
while True:
    data, notes, flags, peer = s.recvmsg(99, 200)
    if data == b'end': break
    notes = {kind: note for level, kind, note in notes}
    assert notes[8][4:] == socket.inet_aton('10.0.0.1') * 2, notes
    assert struct.unpack('i', notes[2])[0] == 64, notes
    assert s.sendmsg([data[:3].upper(), data[3:].upper()], [], 0, peer) == len(data)
",
    );
    asks.join().unwrap();
}

#[test]
fn a_refusal_is_told_to_who_is_connected() {
    let lan = Lan::alone();
    lan.echo_datagrams(7);
    lan.python(
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('10.0.0.2', 8))
p = select.poll(); p.register(s, 7)
def refused():
    s.send(b'x'); until = time.time() + 5
    while not p.poll(1000)[0][1] & select.POLLERR: assert time.time() < until
refused()
try: s.recvfrom(9); assert 0
except ConnectionRefusedError: pass
assert p.poll(0)[0][1] == select.POLLOUT
refused(); assert s.getsockopt(1, socket.SO_ERROR) == errno.ECONNREFUSED
assert s.getsockopt(1, socket.SO_ERROR) == 0
refused()
try: s.sendmsg([b'x']); assert 0
except ConnectionRefusedError: pass
s.sendto(b'x', ('10.0.0.2', 7)); s.connect(('10.0.0.2', 7)); s.send(b'y')
# The answer to the first may come before it is connected, which keeps it out, or after.
assert s.recv(9) == b'y' or s.recv(9) == b'y'
",
    );
}

#[test]
fn a_port_is_free_when_its_socket_is_closed() {
    let lan = Lan::alone();
    lan.python_apart(
        "for _ in range(20):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 5000))
    try: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(('', 5000)); assert 0
    except OSError as e: assert e.errno == errno.EADDRINUSE
    s.close()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('127.0.0.1', 5000)); s.send(b'x')
p = select.poll(); p.register(s, 0); assert p.poll(5000) == [(s.fileno(), select.POLLERR)]
",
    );
}

#[test]
fn addresses_of_ipv6_are_mapped() {
    let lan = Lan::alone();
    lan.echo_datagrams(7);
    lan.python(
        "s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
four = struct.pack('=H', 2) + struct.pack('>H', 7) + socket.inet_aton('10.0.0.2') + bytes(8)
assert libc.connect(s.fileno(), four, 16) == 0
assert s.getsockname()[0] == '::ffff:10.0.0.1' and s.getpeername()[:2] == ('::ffff:10.0.0.2', 7)
assert libc.connect(s.fileno(), bytes(16), 16) == 0
assert s.getsockname()[:2] == ('::', 0), s.getsockname()
s.sendto(b'x', ('::ffff:10.0.0.2', 7)); assert s.recvfrom(9)[1][:2] == ('::ffff:10.0.0.2', 7)
s.connect(('::ffff:10.0.0.2', 0)); assert s.getsockname()[0] == '::ffff:10.0.0.1'
try: s.connect(('2001:db8::1', 7)); assert 0
except OSError as e: assert e.errno == errno.ENETUNREACH
found = socket.getaddrinfo(None, 80, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)
assert ('0.0.0.0', 80) in [entry[4] for entry in found]
",
    );
}

#[test]
fn bursts_and_waiting_calls() {
    let lan = Lan::alone();
    lan.python(
        "one, two = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
two.bind(('127.0.0.1', 0)); where = two.getsockname()
for number in range(100): one.sendto(b'%d' % number, where)
assert [int(two.recv(9)) for _ in range(100)] == list(range(100))
class Rang(Exception): pass
def ring(*_): raise Rang
signal.signal(signal.SIGALRM, ring); signal.setitimer(signal.ITIMER_REAL, 0.1)
try: two.recvfrom(9); assert 0
except Rang: pass
threading.Timer(0.2, lambda: one.sendto(b'late', where)).start()
assert two.recvfrom(9)[0] == b'late'
e = select.epoll(); e.register(two, select.EPOLLIN | select.EPOLLET)
for _ in range(2):
    one.sendto(b'x', where); assert e.poll(5) == [(two.fileno(), select.EPOLLIN)]
assert e.poll(0.05) == []
if os.fork() == 0:
    one.connect(where)
    for number in range(1000): os.write(one.fileno(), b'%d' % number)
    os._exit(0)
two.recv(9); two.recv(9)
got = [int(two.recv(9)) for _ in range(1000)]
assert got == list(range(1000)), got
",
    );
}

#[test]
fn names_are_asked_of_the_hosts_resolver() {
    let lan = Lan::alone();
    lan.echo_datagrams(53);
    lan.echo(53);
    lan.program.configure_resolver(|settings| {
        settings.servers = vec![std::net::SocketAddr::from(([10, 0, 0, 2], 53))];
    });
    lan.python(
        "u = lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s = u(); s.sendto(b'question', ('127.0.0.1', 53))
assert s.recvfrom(99) == (b'question', ('127.0.0.1', 53))
s = u(); s.connect(('127.0.0.53', 53)); s.send(b'again')
assert s.getpeername() == ('127.0.0.53', 53) and s.recvfrom(99)[1] == ('127.0.0.53', 53)
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.sendto(b'six', ('::1', 53))
assert s.recvfrom(99)[1][:2] == ('::1', 53)
s = socket.socket(socket.AF_UNIX); assert s.connect_ex('/run/nscd/socket') == errno.ENOENT
s = socket.create_connection(('127.0.0.1', 53)); s.send(b'stream')
assert s.recv(9) == b'stream' and s.getpeername() == ('127.0.0.1', 53)
own = u(); own.bind(('127.0.0.1', 53)); s = u(); s.sendto(b'mine', ('127.0.0.1', 53))
assert own.recv(9) == b'mine'
",
    );
}

#[test]
fn a_socket_outlives_datagrams_that_it_cannot_take() {
    let lan = Lan::alone();
    lan.echo_datagrams(7);
    lan.python(
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('10.0.0.2', 7))
name = s.getsockname(); s.shutdown(socket.SHUT_RD)
for _ in range(3): s.send(b'answered to nobody'); time.sleep(0.05)
assert s.getsockname() == name and s.getpeername() == ('10.0.0.2', 7)
assert s.sendto(b'still sent', ('10.0.0.2', 7)) == 10
",
    );
}
