"""Runs what Python's own test_socket or test_asyncio have about TCP and UDP.

What cannot pass under `danja run` is listed in library_expected.txt with its reason, and not run
there. On the kernel nothing is excused."""
import importlib, os, sys, unittest

CLASSES = {
    "test_socket": """test.test_socket: GeneralModuleTests BasicTCPTest BasicUDPTest SendmsgUDPTest
        RecvmsgUDPTest RecvmsgIntoUDPTest SendmsgTCPTest RecvmsgTCPTest RecvmsgIntoTCPTest
        InterruptedRecvTimeoutTest InterruptedSendTimeoutTest TCPCloserTest NonBlockingTCPTests
        FileObjectClassTestCase UnbufferedFileObjectClassTestCase LineBufferedFileObjectClassTestCase
        SmallBufferedFileObjectClassTestCase UnicodeReadFileObjectClassTestCase
        UnicodeWriteFileObjectClassTestCase UnicodeReadWriteFileObjectClassTestCase
        NetworkConnectionNoServer NetworkConnectionAttributesTest NetworkConnectionBehaviourTest
        TCPTimeoutTest UDPTimeoutTest TestExceptions BufferIOTest ContextManagersTest InheritanceTest
        NonblockConstantTest SendfileUsingSendTest SendfileUsingSendfileTest CreateServerTest
        CreateServerFunctionalTest""",
    "test_asyncio": """test.test_asyncio.test_events: EPollEventLoopTests PollEventLoopTests
        SelectEventLoopTests;
        test.test_asyncio.test_server: SelectorStartServerTests;
        test.test_asyncio.test_sock_lowlevel: EPollEventLoopTests PollEventLoopTests SelectEventLoopTests;
        test.test_asyncio.test_streams: StreamTests;
        test.test_asyncio.test_sendfile: EPollEventLoopTests PollEventLoopTests SelectEventLoopTests;
        test.test_asyncio.test_base_events: BaseEventLoopWithSelectorTests BaseLoopSockSendfileTests""",
}
# About something else: (part of) an identifier, and what it is about.
ELSEWHERE = {
    "test_getnameinfo": "the machine's own name",
    "test_host_resolution": "names of the internet",
    "test_idna": "names of the internet",
    "testHostnameRes": "the machine's own name",
    "test_getaddrinfo_ipv6": "IPv6",
    "testGetServBy": "the machine's list of services",
    "test_sock_ioctl": "Windows",
    "signal": "signals to the event loop",
    "subprocess": "processes",
}


def flat(suite):
    for entry in suite:
        yield from flat(entry) if isinstance(entry, unittest.TestSuite) else [entry]


def expected(mode):
    """Identifiers that fail in this mode."""
    listed = set()
    folder = os.path.dirname(os.path.abspath(__file__))
    for line in open(os.path.join(folder, "library_expected.txt")):
        if line.strip() and not line.startswith("#"):
            modes, name, _ = line.split(None, 2)
            if mode in modes.split(","):
                listed.add(name)
    return listed


class Result(unittest.TextTestResult):
    """Counts what was excused, and says what runs, so that a hang has a name."""

    def startTest(self, test):
        super().startTest(test)
        with open("running", "w") as file:
            file.write(test.id() + "\n")


loader = unittest.defaultTestLoader
suite = unittest.TestSuite()
wanted = expected(os.environ["MODE"])
chosen = []
for part in CLASSES[sys.argv[1]].split(";"):
    module, classes = part.split(":")
    module = importlib.import_module(module.strip())
    for name in classes.split():
        for test in flat(loader.loadTestsFromTestCase(getattr(module, name))):
            if not any(word in test.id() for word in ELSEWHERE):
                chosen.append(test)
if len(sys.argv) > 2:
    chosen = [test for test in chosen if sys.argv[2] in test.id()]
hopeless = [test for test in chosen if test.id() in wanted]
suite.addTests(test for test in chosen if test.id() not in wanted)
result = unittest.TextTestRunner(verbosity=0, resultclass=Result, stream=sys.stdout).run(suite)
print(len(chosen), "tests,", len(result.skipped), "skipped by themselves,", len(hopeless), "cannot pass")
failed = [test.id() for test, _ in result.failures + result.errors]
print("\n".join(f"failed: {name}" for name in failed))
sys.stdout.flush()
# Threads of a failed test may still wait for something.
os._exit(bool(failed) or result.testsRun < 100 and len(sys.argv) < 3)
