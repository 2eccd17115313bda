#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""FastAPI on uvicorn. See README.md.

CLIENT: async (coroutines and httpx.AsyncClient, the default), sync (plain functions, which
FastAPI runs in a pool of threads, and httpx.Client).
"""

import asyncio
import itertools
import os
import socket
import sys
import time
from contextlib import asynccontextmanager

import fastapi
import httpx
import uvicorn
from fastapi.responses import PlainTextResponse, StreamingResponse

NAME = os.environ.get("NAME", "fastapi")
TO = [u for u in os.environ.get("TO", "").split(",") if u]
TRUTH = open(os.environ.get("TRUTH", os.devnull), "a", buffering=1)
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64)
ids = itertools.count(1)
outgoing = httpx.AsyncClient(trust_env=False, timeout=30, limits=LIMITS)
blocking = httpx.Client(trust_env=False, timeout=30, limits=LIMITS)


def headers(parent, kind=""):
    return {"X-Truth-Id": "%s-%s%d" % (NAME, kind, next(ids)), "X-Truth-Parent": parent}


def begin(request):
    own = request.headers.get("X-Truth-Id", "-")
    TRUTH.write("%s %s %s\n" % (own, request.headers.get("X-Truth-Parent", "-"), NAME))
    return own


def finish(*answers):
    good = all(a.status_code == 200 for a in answers)
    return PlainTextResponse("ok\n", status_code=200 if good else 502)


async def tick(target):
    while True:
        await outgoing.get(target, headers=headers("none", "tick"))
        await asyncio.sleep(0.005)


@asynccontextmanager
async def lifespan(_):
    task = asyncio.create_task(tick(os.environ["TICK"])) if os.environ.get("TICK") else None
    yield
    if task:
        task.cancel()


def call(own, to=None):
    return outgoing.get(to or TO[0], headers=headers(own))


async def leaf(request: fastapi.Request):
    begin(request)
    return finish()


async def one(request: fastapi.Request):
    return finish(await call(begin(request)))


async def two(request: fastapi.Request):
    own = begin(request)
    return finish(await call(own), await call(own))


async def every(request: fastapi.Request):
    own = begin(request)
    return finish(*await asyncio.gather(*[call(own, to) for to in TO]))


async def late(request: fastapi.Request):
    own = begin(request)
    await asyncio.sleep(0.003)
    return finish(await call(own))


async def stream(request: fastapi.Request):
    own = begin(request)

    async def pieces():
        yield "one\n"
        await call(own)
        yield "two\n"
    return StreamingResponse(pieces())


def blocking_call(own):
    return blocking.get(TO[0], headers=headers(own))


def one_sync(request: fastapi.Request):
    return finish(blocking_call(begin(request)))


def two_sync(request: fastapi.Request):
    own = begin(request)
    return finish(blocking_call(own), blocking_call(own))


def late_sync(request: fastapi.Request):
    own = begin(request)
    time.sleep(0.003)
    return finish(blocking_call(own))


def stream_sync(request: fastapi.Request):
    own = begin(request)

    def pieces():
        yield "one\n"
        blocking_call(own)
        yield "two\n"
    return StreamingResponse(pieces())


PATHS = {
    "async": {"/leaf": leaf, "/one": one, "/two": two, "/all": every, "/late": late,
              "/stream": stream},
    "sync": {"/leaf": leaf, "/one": one_sync, "/two": two_sync, "/late": late_sync,
             "/stream": stream_sync},
}
app = fastapi.FastAPI(lifespan=lifespan)
for path, function in PATHS[os.environ.get("CLIENT", "async")].items():
    app.get(path)(function)

sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind(("127.0.0.1", int(sys.argv[1])))
sock.listen(128)
print("LISTEN", sock.getsockname()[1], flush=True)
config = uvicorn.Config(app, log_level="error", timeout_keep_alive=120)
uvicorn.Server(config).run(sockets=[sock])
