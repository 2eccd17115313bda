#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""FastAPI on uvicorn (uvloop, httptools), httpx as its client.

fastapi_server.py PORT        PORT 0: choose one. Prints "LISTEN <port>".
"""

import asyncio
import socket
import sys

import fastapi
import httpx
import uvicorn
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

app = fastapi.FastAPI()
outgoing = httpx.AsyncClient(trust_env=False)


@app.api_route("/hello", methods=["GET", "HEAD"])
async def hello():
    return PlainTextResponse("hello\n")


@app.get("/sleep/{ms}")
async def sleep(ms: int):
    await asyncio.sleep(ms / 1000)
    return PlainTextResponse("slept\n")


@app.get("/status/{code}")
async def status(code: int):
    headers = {"location": "/hello"} if 300 <= code < 400 else None
    return Response(status_code=code, headers=headers)


@app.post("/echo")
async def echo(request: fastapi.Request):
    return Response(await request.body())


@app.get("/chunked")
async def chunked():
    async def pieces():
        for piece in ("one\n", "two\n", "three\n"):
            yield piece
    return StreamingResponse(pieces())


@app.get("/big/{size}")
async def big(size: int):
    return Response(b"x" * size)


@app.get("/users/{user}")
async def users(user: int):
    return PlainTextResponse("user %d\n" % user)


@app.get("/call")
async def call(url: str):
    return PlainTextResponse("%d\n" % (await outgoing.get(url)).status_code)


sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(("127.0.0.1", int(sys.argv[1])))
sock.listen(128)
print("LISTEN", sock.getsockname()[1], flush=True)
config = uvicorn.Config(app, log_level="error", timeout_keep_alive=120)
uvicorn.Server(config).run(sockets=[sock])
