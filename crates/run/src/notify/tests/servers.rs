//! Connections that a program takes, and what its listeners do.

use super::Lan;

/// Connects to the program at port 80 as often as asked, and talks a little.
fn visit(lan: &Lan, times: usize) -> std::thread::JoinHandle<Vec<String>> {
    use std::io::{Read, Write};
    let other = lan.other.clone();
    std::thread::spawn(move || {
        let mut heard = Vec::new();
        while heard.len() < times {
            let Ok(mut stream) = danja::net::TcpStream::connect(&other, "10.0.0.1:80") else {
                // It may not listen yet.
                std::thread::sleep(std::time::Duration::from_millis(20));
                continue;
            };
            stream.write_all(b"hello").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            heard.push(answer);
        }
        heard
    })
}

#[test]
fn processes_share_a_listener() {
    let lan = Lan::new();
    let visitor = visit(&lan, 12);
    lan.python(
        "l = socket.create_server(('', 80)); l.setblocking(0)
for child in range(3):
    if os.fork() == 0:
        e = select.epoll(); e.register(l, select.EPOLLIN | 1 << 28)
        done = 0
        while done < 4:
            e.poll()
            try: s, a = l.accept()
            except BlockingIOError: continue
            s.setblocking(1)
            assert a[0] == '10.0.0.2' and s.getpeername() == a and s.getsockname() == ('10.0.0.1', 80)
            data, _, _, address = s.recvmsg(9)
            assert address is None, address
            while s.recv(9): pass
            s.sendall(data + b' to you'); s.close(); done += 1
        os._exit(0)
for child in range(3): assert os.wait()[1] == 0
",
    );
    assert_eq!(visitor.join().unwrap(), vec!["hello to you"; 12]);
}

#[test]
fn a_listener_that_is_shut_down_wakes_who_waits() {
    let lan = Lan::new();
    lan.python_apart(
        "l = socket.create_server(('', 80))
threading.Timer(0.2, lambda: l.shutdown(2)).start()
try: l.accept(); assert 0
except OSError as e: assert e.errno == errno.EINVAL, e
l.close()
time.sleep(0.6)
l = socket.create_server(('', 80)); l.close(); l = socket.create_server(('', 80))
assert socket.socket().connect_ex(('127.0.0.1', 81)) == errno.ECONNREFUSED
l6 = socket.create_server(('::', 82), family=socket.AF_INET6, dualstack_ipv6=True)
c = socket.create_connection(('127.0.0.1', 82)); s, a = l6.accept()
assert a[0] == '::ffff:127.0.0.1', a
assert s.family == socket.AF_INET6 and s.getsockname()[0] == '::ffff:127.0.0.1'
c = socket.socket(socket.AF_INET6)
assert c.connect_ex(('::ffff:127.0.0.1', 82)) == 0
assert socket.socket(socket.AF_INET6).connect_ex(('2001:db8::1', 82)) == errno.ENETUNREACH
",
    );
}

#[test]
fn options_are_those_of_the_stack() {
    let lan = Lan::new();
    lan.echo(7);
    lan.python(
        "s = socket.create_connection(('10.0.0.2', 7))
assert s.getsockopt(1, 39) == 2 and s.getsockopt(1, 38) == 6 and s.getsockopt(1, 3) == 1
s.setsockopt(6, socket.TCP_NODELAY, 1); assert s.getsockopt(6, socket.TCP_NODELAY) == 1
s.setsockopt(1, socket.SO_KEEPALIVE, 1); s.setsockopt(6, socket.TCP_KEEPIDLE, 77)
assert s.getsockopt(6, socket.TCP_KEEPIDLE) == 77
assert s.getsockopt(6, socket.TCP_CONGESTION, 16).rstrip(b'\\0') == b'reno'
try: s.setsockopt(6, socket.TCP_CONGESTION, b'nothing'); assert 0
except FileNotFoundError: pass
info = s.getsockopt(6, socket.TCP_INFO, 232); assert info[0] == 1, info
assert 500 < struct.unpack_from('I', info, 16)[0] < 65536
s.setsockopt(1, socket.SO_SNDBUF, 30000); assert s.getsockopt(1, socket.SO_SNDBUF) == 60000
s.setsockopt(1, socket.SO_RCVBUF, 30000); assert s.getsockopt(1, socket.SO_RCVBUF) == 60000
s.setsockopt(1, socket.SO_LINGER, struct.pack('ii', 1, 3))
assert s.getsockopt(1, socket.SO_LINGER, 8) == struct.pack('ii', 1, 3)
s.setsockopt(1, socket.SO_LINGER, struct.pack('ii', 0, 3))
assert s.getsockopt(1, socket.SO_LINGER, 8) == struct.pack('ii', 0, 0)
s.setsockopt(6, socket.TCP_LINGER2, 0); assert s.getsockopt(6, socket.TCP_LINGER2) == 60
s.setsockopt(6, socket.TCP_LINGER2, -1); assert s.getsockopt(6, socket.TCP_LINGER2) == -1
assert s.getsockopt(0, socket.IP_TTL, 1) == b'@' and s.getsockopt(0, socket.IP_TTL) == 64
assert s.getsockopt(6, socket.TCP_QUICKACK) == 1
def fails(which, *args):
    try: s.setsockopt(*args); assert 0, args
    except OSError as e: assert e.errno == which, (args, e)
fails(errno.ENODEV, 1, socket.SO_BINDTODEVICE, b'nothing\\0')
fails(errno.EINVAL, 6, socket.TCP_CONGESTION, b'')
fails(errno.ENOPROTOOPT, 99, 1, 1)
fails(errno.EINVAL, 0, socket.IP_MULTICAST_TTL, 1)
try: s.setsockopt(6, 31, b'tls'); assert 0
except OSError as e: assert e.errno == errno.ENOENT
u = socket.socketpair()[0]; assert u.getsockopt(1, 39) == 1
got = s.sendto(b'x', ('9.9.9.9', 9)); assert got == 1
assert s.recvfrom(9) == (b'x', None)
",
    );
}

#[test]
fn interfaces_are_those_of_the_host() {
    let lan = Lan::new();
    lan.python(
        "import fcntl, array
s = socket.socket()
room = array.array('B', bytes(400)); place = room.buffer_info()[0]
length = struct.unpack('iP', fcntl.ioctl(s, 0x8912, struct.pack('iP', 400, place)))[0]
all = [room[i:i + 16].tobytes().split(b'\\0')[0] for i in range(0, length, 40)]
assert len(all) == 2, all
def ask(name, request): return fcntl.ioctl(s, request, name.ljust(40, b'\\0'))[16:]
assert ask(all[0], 0x8915)[4:8] == bytes([127, 0, 0, 1])
assert ask(all[1], 0x8915)[4:8] == bytes([10, 0, 0, 1])
assert ask(all[1], 0x891b)[4:8] == bytes([255, 255, 255, 0])
assert ask(all[1], 0x8919)[4:8] == bytes([10, 0, 0, 255])
assert ask(all[1], 0x8921)[:4] == struct.pack('i', 1500)
assert ask(all[1], 0x8927)[2:8] == bytes([2, 0, 0, 0, 0, 1])
index = ask(all[1], 0x8933)[:4]
assert fcntl.ioctl(s, 0x8910, bytes(16) + index + bytes(20))[:16].rstrip(b'\\0') == all[1]
try: ask(b'none', 0x8915); assert 0
except OSError as e: assert e.errno == errno.ENODEV
",
    );
}
