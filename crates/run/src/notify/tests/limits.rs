//! Many sockets, few descriptors, and programs that end in the middle: nothing is left.

use super::Lan;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn nothing_is_left_of_many_connections() {
    let lan = Lan::new();
    lan.echo(7);
    lan.python("socket.create_connection(('10.0.0.2', 7)).close()");
    let before = descriptors();
    lan.python(
        "import resource
all = [socket.create_connection(('10.0.0.2', 7)) for _ in range(400)]
for s in all: s.send(b'x')
for s in all: assert s.recv(1) == b'x'
del all
for _ in range(20):
    s = socket.socket(); s.setblocking(0); s.connect_ex(('10.0.0.99', 7)); s.close()
resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
few = []
try:
    while True: few.append(socket.socket())
except OSError as e: assert e.errno == errno.EMFILE
few.pop(); s = few.pop(); s.connect(('10.0.0.2', 7)); s.send(b'x'); assert s.recv(9) == b'x'
time.sleep(1)
",
    );
    // Other tests of this process have some of their own for a while.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while descriptors() > before + 40 {
        assert!(std::time::Instant::now() < until, "{} of {before}", descriptors());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn a_program_that_is_killed_leaves_nothing() {
    use std::io::Read;
    let lan = Lan::new();
    lan.echo(7);
    let script = "import socket,time
s = socket.create_connection(('10.0.0.2', 7)); l = socket.create_server(('', 80))
print('there', flush=True); l.accept()";
    let (mut trial, supervisor) = lan.start(&["/usr/bin/python3", "-c", script]);
    let mut there = [0; 6];
    trial.output.read_exact(&mut there).unwrap();
    trial.kill();
    assert_eq!(trial.wait(), 128 + 9);
    supervisor.finish();
    assert!(lan.program.sockets().iter().all(|info| info.socket.is_none()));
}

#[test]
fn a_program_outlives_its_supervisor() {
    use std::io::Read;
    let lan = Lan::new();
    lan.echo(7);
    let script = "import socket
s = socket.create_connection(('10.0.0.2', 7))
print('there', flush=True)
assert s.recv(9) == b''
try: socket.socket(); assert 0
except OSError as e: assert e.errno == 38
";
    let (mut trial, supervisor) = lan.start(&["/usr/bin/python3", "-c", script]);
    let mut there = [0; 6];
    trial.output.read_exact(&mut there).unwrap();
    drop(supervisor);
    let mut output = String::new();
    trial.output.read_to_string(&mut output).unwrap();
    assert_eq!(trial.wait(), 0, "{output}");
}
