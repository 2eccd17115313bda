#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An ASGI application on uvicorn, over TLS and over plain TCP on a second port.

uvicorn_tls.py PORT asyncio|uvloop [WORD...]        words: verify
"""

import asyncio
import contextlib
import os
import socket
import ssl
import sys

import uvicorn

CERTS = os.environ["TLS_CERTS"]


async def body_of(scope, receive):
    """(status, answer)"""
    first, _, last = scope["path"][1:].partition("/")
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        parts += [message.get("body", b"")] if first == "echo" else []
        more = message.get("more_body", False)
    if first == "sleep":
        await asyncio.sleep(int(last) / 1000)
    if first == "big":
        return 200, b"x" * int(last)
    answers = {"hello": b"hello\n", "users": b"user %s\n" % last.encode(), "sleep": b"slept\n",
               "status": b"status\n", "sink": b"%d\n" % size, "echo": b"".join(parts)}
    return int(last) if first == "status" else 200 if first in answers else 404, \
        answers.get(first, b"not found\n")


async def app(scope, receive, send):
    status, body = await body_of(scope, receive)
    await send({"type": "http.response.start", "status": status,
                "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


class Server(uvicorn.Server):
    capture_signals = contextlib.nullcontext  # two servers, one process


def listen(port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio wants a protocol for it
    sock.bind(("127.0.0.1", port))
    sock.listen(128)
    return sock


async def main():
    common = {"lifespan": "off", "log_level": "error", "timeout_keep_alive": 120}
    tls = {"ssl_certfile": os.path.join(CERTS, "server.pem"), "ssl_ciphers": "DEFAULT"}
    if "verify" in sys.argv:
        tls.update(ssl_ca_certs=os.path.join(CERTS, "ca.pem"), ssl_cert_reqs=ssl.CERT_REQUIRED)
    socks = [listen(0), listen(int(sys.argv[1]))]
    print("PLAIN", socks[0].getsockname()[1], flush=True)
    print("LISTEN", socks[1].getsockname()[1], flush=True)
    await asyncio.gather(*(Server(uvicorn.Config(app, **common, **more)).serve(sockets=[sock])
                           for sock, more in zip(socks, ({}, tls))))


if sys.argv[2] == "uvloop":
    import uvloop
    uvloop.install()
asyncio.run(main())
