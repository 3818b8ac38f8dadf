#!/usr/bin/env python3
"""What it costs a program to be launched by `danja run`, beside pasta and slirp4netns.

    python3 bench/beside.py target/release/danja [--rounds 5] [--only NAME] [--write]

Each way in turn, round by round: microseconds of calls that set up a socket (the trap), connections
a second to a server on the machine (connect, one byte back, close), and what one TCP stream and one
of UDP datagrams carry to and from it (iperf3). Prints a table with medians and the spread;
`--write` puts it into docs/performance.md. The machine is a network namespace of this script's own:
nothing leaves it, and all that it starts ends with it. Five rounds take about five minutes.
"""
import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "../docs/performance.md")
BEGIN, END = "<!-- table: written by bench/beside.py -->", "<!-- end of the table -->"
COLUMNS = [
    ("setsockopt", "setsockopt, µs", 2), ("getsockname", "getsockname, µs", 2),
    ("socket", "socket and close, µs", 1), ("rate", "connections/s", 0),
    ("rate8", "connections/s, eight at a time", 0), ("up", "TCP up, GB/s", 2),
    ("down", "TCP down, GB/s", 2), ("udp_up", "UDP up, MB/s", 0), ("udp_down", "UDP down, MB/s", 0),
]
QUIET = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
# Root measures what `nobody` gets: that it needs no root is the point of all these programs.
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


class Direct:
    """The kernel itself."""

    name, server = "the kernel itself", "127.0.0.1"

    def __init__(self, user):
        self.user = user
        # What did not work in one round is not tried in the next.
        self.without = set()

    def run(self, words, before=()):
        words = self.user + list(before) + words
        done = subprocess.run(words, capture_output=True, timeout=12, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            # iperf3 has its words in what it prints.
            said = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace")
            raise OSError(f"code {done.returncode}: {said[-200:]}")
        return done.stdout


class Danja(Direct):
    def __init__(self, user, command, way):
        super().__init__(user)
        self.name, self.server = f"`danja run --intercept {way}`", "10.0.2.3"
        self.before = [command, "run", "-q", "--intercept", way, "--host-access", "--"]

    def run(self, words):
        return super().run(words, self.before)


class Pasta(Direct):
    # The router of the machine's (only) route, which pasta takes for the machine's loopback.
    name, server = "pasta", "192.0.2.2"

    def run(self, words):
        return super().run(words, ["pasta", "--config-net", "-q", "--"])


class Slirp(Direct):
    name, server = "slirp4netns", "10.0.2.2"

    def run(self, words):
        keeper = self.user + ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", "echo; exec cat"]
        with subprocess.Popen(keeper, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as kept:
            kept.stdout.readline()
            slirp = ["slirp4netns", "--configure", "--mtu=65520", "--userns-path", f"/proc/{kept.pid}/ns/user"]
            ready, said = os.pipe()
            slirp = self.user + slirp + ["--ready-fd", str(said), str(kept.pid), "tap0"]
            router = subprocess.Popen(slirp, pass_fds=[said], stdout=subprocess.DEVNULL, **QUIET)
            os.close(said)
            try:
                os.read(ready, 1)
                enter = ["nsenter", "--target", str(kept.pid), "--user", "--net", "--preserve-credentials", "--"]
                return super().run(words, enter)
            finally:
                os.close(ready)
                router.terminate()
                router.wait()
                kept.stdin.close()


def figures(way, program):
    """The figures of one round; none where something did not work."""
    found = {}

    def measure(names, words, read):
        if names[0] in way.without:
            return
        try:
            found.update(zip(names, read(way.run(words))))
        except (subprocess.SubprocessError, OSError, ValueError, KeyError) as error:
            print(f"{way.name}: {names[0]}: {error}", file=sys.stderr)
            way.without.add(names[0])

    numbers = lambda said: list(map(float, said.split()))
    moved = lambda said: [json.loads(said)["end"]["sum_received"]["bits_per_second"] / 8e9]
    arrived = lambda said: [moved(said)[0] * 1000]
    measure(["setsockopt", "getsockname", "socket"], [program, "calls"], numbers)
    measure(["rate"], [program, "rate", way.server, "1"], numbers)
    measure(["rate8"], [program, "rate", way.server, "8"], numbers)
    iperf = ["iperf3", "-4", "-J", "-c", way.server]
    measure(["up"], iperf + ["-t", "1.5"], moved)
    measure(["down"], iperf + ["-t", "1.5", "-R"], moved)
    datagrams = iperf + ["-t", "1", "-u", "-b", "0", "-l", "1400"]
    measure(["udp_up"], datagrams, arrived)
    measure(["udp_down"], datagrams + ["-R"], arrived)
    return found


def table(samples):
    lines = ["| way | " + " | ".join(title for _, title, _ in COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, taken in samples.items():
        row = []
        for key, _, digits in COLUMNS:
            values = [one[key] for one in taken if key in one]
            if not values:
                row.append("–")
                continue
            median, least, most = (f"{f(values):.{digits}f}" for f in (statistics.median, min, max))
            failed = f", failed after {len(values)}" if len(values) < len(taken) else ""
            row.append(f"{median} ({least}–{most}){failed}")
        lines.append(f"| {name} | {' | '.join(row)} |")
    return "\n".join(lines)


def first_line(words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, check=False)
    return (done.stdout.splitlines() or ["unknown"])[0].strip()


def conditions(danja, rounds, begun, samples):
    """What it was measured with, and how busy the machine was: one sentence a line."""
    with open("/proc/cpuinfo") as lines:
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
    packages = ", ".join(first_line(["dpkg-query", "-W", "-f", "${Package} ${Version}", name]) for name in ("passt", "slirp4netns", "iperf3"))
    build = "a release build" if os.path.basename(os.path.dirname(os.path.realpath(danja))) == "release" else "a build that is not `target/release`"
    memory = "/proc/sys/net/core/wmem_max"
    limit = f", `wmem_max` {open(memory).read().strip()}" if os.path.exists(memory) else ""
    steal, busy = begun["steal"], begun["load"]
    failed = "" if all(len(one) == len(COLUMNS) for taken in samples.values() for one in taken) else " A dash is a measurement that did not work."
    return (f"Taken on {time.strftime('%-d %B %Y, %H:%M', time.gmtime())} UTC with {build} of {first_line([danja, '--version'])}; {packages}; Linux {platform.release()}, "
            f"{os.cpu_count()} × {model}{limit}.\n"
            f"Medians of {rounds} rounds each, and the least and the most of them in brackets.{failed}\n"
            f"Before the first round the machine's load was {busy:.2f}, and while it ran {share(steal):.0%} of its time went to other virtual machines.")


def stolen():
    with open("/proc/stat") as lines:
        numbers = list(map(int, lines.readline().split()[1:9]))
    return numbers[7], sum(numbers)


def share(before):
    now = stolen()
    return (now[0] - before[0]) / max(1, now[1] - before[1])


def namespaces(words):
    """Begins anew in namespaces that end with this script."""
    os.environ["DANJA_BESIDE"] = "root" if os.geteuid() == 0 else "user"
    os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    own = ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    os.execvp("unshare", own + ["/usr/bin/python3", os.path.abspath(__file__)] + words)


def prepare(folder, root):
    """The machine: a loopback, and a link with the route that pasta asks for."""
    for line in ["link set lo up", "link add out type veth peer name far", "link set out up", "link set far up",
                 "address add 192.0.2.1/24 dev out", "route add default via 192.0.2.2"]:
        subprocess.run(["ip", *line.split()], check=True)
    if root:
        # The device has the mode it has on a desktop.
        for line in [f"mknod -m 666 {folder}/tun c 10 200", f"mount --bind {folder}/tun /dev/net/tun"]:
            subprocess.run(line.split(), check=True)
    with open("/proc/sys/net/ipv4/ping_group_range", "w") as permitted:
        permitted.write("0 65534" if root else "0 0")


def main():
    asked = argparse.ArgumentParser(description="`danja run` beside pasta and slirp4netns")
    asked.add_argument("danja", help="the command, such as target/release/danja")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--only", default="", help="ways with this in their name")
    asked.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    given = asked.parse_args()
    if not os.environ.get("DANJA_BESIDE"):
        namespaces(sys.argv[1:])
    missing = [name for name in ("cc", "iperf3", "pasta", "slirp4netns", "setpriv") if not shutil.which(name)]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}")
    root = os.environ["DANJA_BESIDE"] == "root"
    begun = {"steal": stolen(), "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory(prefix="danja-beside-") as folder, contextlib.ExitStack() as ending:
        os.chmod(folder, 0o755)
        program = folder + "/beside"
        subprocess.run(["cc", "-O2", "-o", program, os.path.join(HERE, "beside.c")], check=True)
        # Where anybody may read it.
        danja = shutil.copy(given.danja, folder + "/danja")
        prepare(folder, root)
        if root:
            ending.callback(subprocess.run, ["umount", "/dev/net/tun"], check=False)
        # One that is left waiting for a client that was ended would serve nobody else.
        for words in [program, "serve"], ["iperf3", "-s", "--idle-timeout", "5", "-4", "-B", "127.0.0.1"]:
            ending.callback(subprocess.Popen(words, stdout=subprocess.DEVNULL, **QUIET).kill)
        time.sleep(0.5)
        user = NOBODY if root else []
        ways = [Direct(user), *(Danja(user, danja, way) for way in ("auto", "tun", "notify")), Pasta(user), Slirp(user)]
        ways = [way for way in ways if given.only in way.name]
        samples = {way.name: [] for way in ways}
        for _ in range(given.rounds):
            for way in ways:
                samples[way.name].append(figures(way, program))
    written = f"{table(samples)}\n\n{conditions(given.danja, given.rounds, begun, samples)}"
    print(written)
    if given.write:
        with open(PAGE) as page:
            text = page.read()
        before, rest = text.split(BEGIN)
        after = rest.split(END)[1]
        with open(PAGE, "w") as page:
            page.write(f"{before}{BEGIN}\n\n{written}\n\n{END}{after}")


if __name__ == "__main__":
    main()
