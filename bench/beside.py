#!/usr/bin/env python3
"""What it costs a program to be launched by `danja run`, beside pasta and slirp4netns.

    python3 bench/beside.py target/release/danja [ROUNDS]

Three figures, each way in turn, round by round, medians of all rounds: microseconds of a call that
sets up a socket (the trap), connections a second to a server on the machine (connect, one byte
back, close), and GB/s of one TCP stream to and from it (iperf3). The machine is a network namespace
of this script's own; nothing leaves it. Prints a table for docs/performance.md.
"""
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

CALLS = """
import socket, sys, time
def cost(call, count):
    best = []
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(count):
            call()
        best.append((time.perf_counter() - begun) / count * 1e6)
    return sorted(best)[2]
one = socket.socket()
one.bind(("0.0.0.0", 0))
print(cost(lambda: one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), 2000),
      cost(one.getsockname, 2000), cost(lambda: socket.socket().close(), 1000))
"""
RATE = """
import socket, sys, time
begun, count = time.perf_counter(), 0
while time.perf_counter() < begun + 1.5:
    with socket.create_connection((sys.argv[1], 7000), timeout=10) as one:
        assert one.recv(1) == b"x"
    count += 1
print(count / (time.perf_counter() - begun))
"""
QUIET = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Direct:
    """The kernel itself."""

    name, server = "the kernel itself", "127.0.0.1"

    def run(self, words):
        return subprocess.run(words, stdout=subprocess.PIPE, timeout=60, check=True, **QUIET).stdout


class Danja(Direct):
    def __init__(self, command, way):
        self.name, self.server = f"`danja run --intercept {way}`", "10.0.2.3"
        self.words = [command, "run", "-q", "--intercept", way, "--host-access", "--"]

    def run(self, words):
        return super().run(self.words + words)


class Pasta(Direct):
    # The router of the machine's (only) route, which pasta takes for the machine's loopback.
    name, server = "pasta", "192.0.2.2"

    def run(self, words):
        # It refuses to be root, and the version of Debian 12 does not find its way from there.
        user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] if os.environ["DANJA_BESIDE"] == "root" else []
        return super().run(user + ["pasta", "--config-net", "-q", "--"] + words)


class Slirp(Direct):
    name, server = "slirp4netns", "10.0.2.2"

    def run(self, words):
        keeper = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", "echo; exec cat"]
        with subprocess.Popen(keeper, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as kept:
            kept.stdout.readline()
            slirp = ["slirp4netns", "--configure", "--mtu=65520", "--userns-path", f"/proc/{kept.pid}/ns/user"]
            ready, said = os.pipe()
            slirp += ["--ready-fd", str(said), str(kept.pid), "tap0"]
            router = subprocess.Popen(slirp, pass_fds=[said], stdout=subprocess.DEVNULL, **QUIET)
            os.close(said)
            try:
                os.read(ready, 1)
                enter = ["nsenter", "--target", str(kept.pid), "--user", "--net", "--preserve-credentials", "--"]
                return super().run(enter + words)
            finally:
                os.close(ready)
                router.terminate()
                router.wait()
                kept.stdin.close()


def serve():
    """Connections, a byte each."""
    listener = socket.create_server(("127.0.0.1", 7000), backlog=1000)
    while True:
        one, _ = listener.accept()
        one.sendall(b"x")
        one.close()


def figures(way):
    """The five figures of one round; none where something did not work."""
    python = ["/usr/bin/python3", "-c"]
    found = {}

    def measure(names, words, read):
        try:
            found.update(zip(names, read(way.run(words))))
        except (subprocess.SubprocessError, OSError, ValueError, KeyError) as error:
            print(f"{way.name}: {names[0]}: {error}"[:200], file=sys.stderr)

    measure(["setsockopt", "getsockname", "socket"], python + [CALLS], lambda said: map(float, said.split()))
    measure(["rate"], python + [RATE, way.server], lambda said: [float(said)])
    iperf = ["iperf3", "-4", "-J", "-t", "2", "-c", way.server]
    speed = lambda said: [json.loads(said)["end"]["sum_received"]["bits_per_second"] / 8e9]
    measure(["up"], iperf, speed)
    measure(["down"], iperf + ["-R"], speed)
    return found


def main():
    if not os.environ.get("DANJA_BESIDE"):
        os.environ["DANJA_BESIDE"] = "root" if os.geteuid() == 0 else "user"
        os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        own = ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        os.execvp("unshare", own + ["/usr/bin/python3"] + [os.path.abspath(sys.argv[0])] + [os.path.abspath(sys.argv[1])] + sys.argv[2:])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    for line in ["link set lo up", "link add out type veth peer name far", "link set out up", "link set far up",
                 "address add 192.0.2.1/24 dev out", "route add default via 192.0.2.2"]:
        subprocess.run(["ip", *line.split()], check=True)
    if os.environ["DANJA_BESIDE"] == "root":
        # The device has the mode it has on a desktop.
        tun = tempfile.mkdtemp() + "/tun"
        for line in [f"mknod -m 666 {tun} c 10 200", f"mount --bind {tun} /dev/net/tun"]:
            subprocess.run(line.split(), check=True)
    open("/proc/sys/net/ipv4/ping_group_range", "w").write("0 65534" if os.environ["DANJA_BESIDE"] == "root" else "0 0")
    threading.Thread(target=serve, daemon=True).start()
    # One that is left waiting for a client that was ended would serve nobody else.
    subprocess.Popen(["iperf3", "-s", "--idle-timeout", "5", "-4", "-B", "127.0.0.1"], stdout=subprocess.DEVNULL, **QUIET)
    time.sleep(0.5)
    ways = [Direct(), *(Danja(sys.argv[1], way) for way in ("notify", "auto", "tun")), Pasta(), Slirp()]
    if len(sys.argv) > 3:
        ways = [way for way in ways if sys.argv[3] in way.name]
    samples = {way.name: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            samples[way.name].append(figures(way))
    print("| way | setsockopt, µs | getsockname, µs | socket and close, µs | connections/s | up, GB/s | down, GB/s |")
    print("|---|---|---|---|---|---|---|")
    for name, taken in samples.items():
        row = []
        for key, digits in [("setsockopt", 2), ("getsockname", 2), ("socket", 1), ("rate", 0), ("up", 2), ("down", 2)]:
            values = [one[key] for one in taken if key in one]
            row.append(f"{statistics.median(values):.{digits}f}" if values else "–")
        print(f"| {name} | {' | '.join(row)} |")
    print("\nwmem_max:", open("/proc/sys/net/core/wmem_max").read().strip() if os.path.exists("/proc/sys/net/core/wmem_max") else "not shown in a namespace")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    main()
