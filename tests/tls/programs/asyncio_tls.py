#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""asyncio streams over TLS, and over plain TCP on a second port: the ssl module's memory BIOs.

asyncio_tls.py PORT [WORD...]        words as python_tls.py's, and uvloop
"""

import asyncio
import re
import ssl
import sys

from python_tls import context

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


async def body_of(path, reader, left):
    """(status, answer)"""
    first, _, last = path[1:].partition("/")
    size = left
    if first == "echo":
        return 200, await reader.readexactly(left)
    while left:
        left -= len(await reader.read(min(left, 65536)))
    if first == "sleep":
        await asyncio.sleep(int(last) / 1000)
    answers = {"hello": b"hello\n", "users": b"user %s\n" % last.encode(), "sleep": b"slept\n",
               "status": b"status\n", "sink": b"%d\n" % size}
    if first == "big":
        return 200, b"x" * int(last)
    return int(last) if first == "status" else 200 if first in answers else 404, \
        answers.get(first, b"not found\n")


async def answer(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    status, body = await body_of(head.split()[1].decode(), reader,
                                 int(length.group(1)) if length else 0)
    writer.write(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
    await writer.drain()


async def serve(reader, writer):
    try:
        while True:
            await answer(reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass
    writer.close()


async def main():
    plain = await asyncio.start_server(serve, "127.0.0.1", 0)
    tls = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]),
                                     ssl=context(sys.argv[2:]))
    print("PLAIN", plain.sockets[0].getsockname()[1], flush=True)
    print("LISTEN", tls.sockets[0].getsockname()[1], flush=True)
    await asyncio.gather(plain.serve_forever(), tls.serve_forever())


if "uvloop" in sys.argv:
    import uvloop
    uvloop.install()
asyncio.run(main())
