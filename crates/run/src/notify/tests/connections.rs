//! Connections that a program makes, and their ends.

use super::Lan;

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
