"""Twenty clients over TCP at once, then twenty datagrams."""
import socket, sys, threading, time

server = sys.argv[1]
answers = {}

def client(number):
    with socket.create_connection((server, 7000), timeout=20) as stream:
        lines = b"".join(b"client %d line %d\n" % (number, line) for line in range(200))
        stream.sendall(lines)
        stream.shutdown(socket.SHUT_WR)
        answers[number] = b"".join(iter(lambda: stream.recv(65536), b"")) == lines.upper()

threads = [threading.Thread(target=client, args=(number,)) for number in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert [answers.get(number) for number in range(20)] == [True] * 20, answers

for number in range(20):
    for attempt in range(3):  # a datagram may be lost
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as question:
            question.settimeout(3)
            question.sendto(b"datagram %d" % number, (server, 7001))
            try:
                data, peer = question.recvfrom(2000)
            except TimeoutError:
                continue
            assert (data, peer) == (b"DATAGRAM %d" % number, (server, 7001)), (data, peer)
            break
    else:
        raise SystemExit("no answer over UDP")
