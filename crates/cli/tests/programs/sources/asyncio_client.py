"""A hundred streams at once, each 50 kB there and back; then datagrams."""
import asyncio, sys

server = sys.argv[1]

async def client(number):
    reader, writer = await asyncio.open_connection(server, 7000)
    data = (b"%d " % number) * 50_000
    data = data[:50_000]

    async def send():
        writer.write(data)
        await writer.drain()
        writer.write_eof()

    _, back = await asyncio.gather(send(), reader.read(-1))
    writer.close()
    await writer.wait_closed()
    return back == data

class Ask(asyncio.DatagramProtocol):
    def __init__(self):
        self.answer = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, peer):
        if not self.answer.done():
            self.answer.set_result(data)

async def datagram(number):
    for attempt in range(3):  # a datagram may be lost
        transport, ask = await asyncio.get_running_loop().create_datagram_endpoint(Ask, remote_addr=(server, 7001))
        transport.sendto(b"%d" % number)
        try:
            return await asyncio.wait_for(ask.answer, 3) == b"%d" % number
        except TimeoutError:
            continue
        finally:
            transport.close()
    return False

async def main():
    assert all(await asyncio.gather(*(client(number) for number in range(100))))
    assert all([await datagram(number) for number in range(10)])
    try:
        await asyncio.open_connection(server, 7099)
    except ConnectionRefusedError:
        pass
    else:
        raise SystemExit("a closed port was not refused")

asyncio.run(asyncio.wait_for(main(), 50))
