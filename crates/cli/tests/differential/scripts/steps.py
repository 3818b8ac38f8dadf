"""What the Python scripts share: cases, each in a process of its own, and one line a step.

A line is `script.case.step: value`. Values have names in place of what differs from run to run
(ports, descriptors), and a step waits for a state, never for a time.
"""

import errno
import os
import select
import signal
import socket
import sys
import threading
import time

# Whoever is asked there never answers; see how the test furnishes the network.
SILENT = ("198.51.100.1", 80)
# There is no way there, and the network says so.
UNREACHABLE = ("203.0.113.1", 80)
LOOPBACK = "127.0.0.1"
# A case that is not over by then is said to hang.
LIMIT = 25.0
# A state that has not come by then is not awaited any longer: what is there instead is printed.
PATIENCE = 4.0

FLAGS = [(name, getattr(select, "EPOLL" + name)) for name in ("IN", "PRI", "OUT", "ERR", "HUP", "RDHUP")]

# The two have one number.
errno.errorcode[errno.EOPNOTSUPP] = "EOPNOTSUPP"

_cases = []
_names = {}
_where = [""]


def case(function):
    """Marks a function as a case of the script."""
    _cases.append(function)
    return function


def named(value, name):
    """From now on the port `value` is printed as `name`."""
    if value:
        _names[value] = name


def show(value):
    """A value as it is printed."""
    if isinstance(value, OSError):
        # The resolver's errors have numbers of their own.
        if isinstance(value, TimeoutError) and value.errno is None:
            return "timed out"
        return errno.errorcode.get(value.errno, type(value).__name__)
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value)
        if len(value) > 40:
            return "%d bytes" % len(value)
        return repr(value)[1:]
    if isinstance(value, tuple) and len(value) in (2, 4) and isinstance(value[0], str):
        port = _names.get(value[1], "0" if value[1] == 0 else "a-port")
        if isinstance(value[1], int):
            host = "[%s]" % value[0] if len(value) == 4 else value[0]
            return "%s:%s" % (host, port)
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(show(one) for one in value) + ")"
    if isinstance(value, socket.socket):
        return "socket"
    return str(value)


def say(step, *values):
    """Prints one line."""
    text = " ".join(show(value) for value in values)
    os.write(1, ("%s.%s: %s\n" % (_where[0], step, text)).encode())


def attempt(function, *arguments):
    """What a call returns, or the error it raises."""
    try:
        return function(*arguments)
    except OSError as error:
        return error


def call(step, function, *arguments):
    """Makes a call, prints what came of it, and returns it (the error, if it failed)."""
    result = attempt(function, *arguments)
    say(step, "ok" if result is None else result)
    return result


def events(mask):
    """The names in a mask of poll or epoll."""
    return "|".join(name for name, bit in FLAGS if mask & bit) or "none"


def mask_of(sock):
    """What poll says of a socket now."""
    poll = select.poll()
    poll.register(sock, sum(bit for _, bit in FLAGS))
    found = poll.poll(0)
    return events(found[0][1]) if found else "none"


def until(wanted, look):
    """Looks until it sees `wanted`, or patience ends; what it saw last."""
    end = time.monotonic() + PATIENCE
    while True:
        seen = look()
        if seen == wanted or time.monotonic() > end:
            return seen
        time.sleep(0.002)


def poll(step, sock, wanted):
    """Waits until poll says `wanted`, and prints what it says."""
    say(step, until(wanted, lambda: mask_of(sock)))


def steady(step, sock):
    """Prints what poll says for a tenth of a second (all that it says, if it changes)."""
    seen = []
    end = time.monotonic() + 0.1
    while time.monotonic() < end:
        now = mask_of(sock)
        if now not in seen:
            seen.append(now)
        time.sleep(0.005)
    say(step, " then ".join(seen))


def listener(backlog=16, host=LOOPBACK, family=socket.AF_INET, reuse=False):
    """A socket that listens at a port of its own."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
    sock.bind((host, 0))
    sock.listen(backlog)
    named(sock.getsockname()[1], "listener")
    return sock


def client(at):
    """A socket connected to a listener, blocking."""
    sock = socket.socket(at.family, socket.SOCK_STREAM)
    sock.connect(at.getsockname())
    named(sock.getsockname()[1], "client")
    return sock


def pair(**options):
    """A client, and the server's socket that was accepted for it."""
    with listener(**options) as at:
        one = client(at)
        two, _ = at.accept()
    return one, two


def closed_port():
    """An address where nobody listens."""
    with listener() as at:
        return at.getsockname()


def drain(sock):
    """All that comes until the end or an error, which is returned with the number of bytes."""
    total = 0
    while True:
        got = attempt(sock.recv, 1 << 16)
        if isinstance(got, OSError) or not got:
            return total, got if isinstance(got, OSError) else "end"
        total += len(got)


def fill(sock):
    """Writes without blocking until the socket takes no more for a while; the bytes it took."""
    sock.setblocking(False)
    block = b"f" * 65536
    total = 0
    quiet = time.monotonic()
    while time.monotonic() - quiet < 0.15:
        sent = attempt(sock.send, block)
        if isinstance(sent, OSError):
            if sent.errno != errno.EAGAIN:
                return sent
            time.sleep(0.005)
            continue
        total += sent
        quiet = time.monotonic()
    sock.setblocking(True)
    return total


def so_error(sock):
    """SO_ERROR by name."""
    value = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return errno.errorcode[value] if value else "0"


def reset(sock):
    """Closes with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


def background(function, *arguments):
    """Runs a function in a thread; its result is in the list that is returned, with the thread."""
    results = []
    thread = threading.Thread(target=lambda: results.append(attempt(function, *arguments)), daemon=True)
    thread.start()
    return thread, results


def sleeping(thread):
    """Waits until a thread sleeps in the kernel (in the call that it is to block in)."""
    path = "/proc/self/task/%d/stat" % thread.native_id
    end = time.monotonic() + PATIENCE
    quiet = 0
    while quiet < 5 and time.monotonic() < end:
        try:
            with open(path) as file:
                state = file.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            return
        quiet = quiet + 1 if state == "S" else 0
        time.sleep(0.01)


def joined(thread, results):
    """What a background call returned."""
    thread.join(PATIENCE)
    return results[0] if results else "still blocked"


def _run(script, function):
    name = "%s.%s" % (script, function.__name__)
    _where[0] = name
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        status = 0
        try:
            function()
        except BaseException as error:
            say("failed", "%s: %s" % (type(error).__name__, show(error)))
            if os.environ.get("TRACE"):
                import traceback
                traceback.print_exc()
            status = 1
        os._exit(status)
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            if os.WIFSIGNALED(status):
                say("killed", signal.Signals(os.WTERMSIG(status)).name)
            break
        time.sleep(0.002)
    else:
        say("hangs", "after %d s" % LIMIT)
    # What the case left behind (and the case, when it hangs).
    for group in (True, False):
        try:
            os.killpg(child, signal.SIGKILL) if group else os.waitpid(child, 0)
        except OSError:
            pass


def main():
    """Runs the cases that were named, or all."""
    script = os.path.basename(sys.argv[0]).removesuffix(".py")
    wanted = sys.argv[1:]
    for function in _cases:
        if not wanted or function.__name__ in wanted:
            _run(script, function)
