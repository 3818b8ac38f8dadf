"""A server on the machine's own sockets for days.py, which ends with who started it."""

import asyncio
import ctypes
import signal

HOST, PORT = "10.9.8.7", 7007


async def talk(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(talk, HOST, PORT, backlog=256)
    await server.serve_forever()


PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
asyncio.run(main())
