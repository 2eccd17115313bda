#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""http.server with a thread for each connection. See README.md.

CLIENT: new (a connection for each call, the default), pool (kept connections that the
threads share), executor (threads of a pool make the calls, the handler waits for them).
"""

import concurrent.futures
import http.client
import http.server
import itertools
import os
import queue
import socket
import sys
import threading
import time
import urllib.parse

NAME = os.environ.get("NAME", "python")
TO = [u for u in os.environ.get("TO", "").split(",") if u]
CLIENT = os.environ.get("CLIENT", "new")
TRUTH = open(os.environ.get("TRUTH", os.devnull), "a", buffering=1)
ids = itertools.count(1)
idle = queue.LifoQueue()
workers = concurrent.futures.ThreadPoolExecutor(64)
fans = concurrent.futures.ThreadPoolExecutor(64)  # which wait for workers


def connect(netloc):
    conn = http.client.HTTPConnection(netloc, timeout=30)
    conn.connect()
    conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return conn


def get(conn, url, parent, kind=""):
    conn.request("GET", url.path, headers={"X-Truth-Parent": parent, "X-Truth-Id":
                                           "%s-%s%d" % (NAME, kind, next(ids))})
    answer = conn.getresponse()
    answer.read()
    return answer.status


def pooled(url, parent):
    try:
        conn = idle.get_nowait()
    except queue.Empty:
        conn = connect(url.netloc)
    status = get(conn, url, parent)
    idle.put(conn)
    return status


def fresh(url, parent):
    conn = connect(url.netloc)
    try:
        return get(conn, url, parent)
    finally:
        conn.close()


def handed_over(url, parent):
    return workers.submit(fresh, url, parent).result()


METHODS = {"new": fresh, "pool": pooled, "executor": handed_over}


def call(target, parent):
    return METHODS[CLIENT](urllib.parse.urlsplit(target), parent)


def tick(target):
    url = urllib.parse.urlsplit(target)
    conn = connect(url.netloc)
    while True:
        get(conn, url, "none", "tick")
        time.sleep(0.005)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *unused):
        pass

    def one(self, own):
        return [call(TO[0], own)]

    def two(self, own):
        return [call(TO[0], own), call(TO[0], own)]

    def every(self, own):
        return list(fans.map(lambda target: call(target, own), TO))

    def late(self, own):
        time.sleep(0.003)
        return self.one(own)

    def stream(self, own):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"4\r\none\n\r\n")
        self.one(own)
        self.wfile.write(b"4\r\ntwo\n\r\n0\r\n\r\n")

    def after(self, own):
        """Answers, and then calls: what it does for the request when that has ended."""
        self.answer(True)
        self.one(own)

    def answer(self, good):
        self.send_response(200 if good else 502)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def do_GET(self):
        own = self.headers.get("X-Truth-Id", "-")
        TRUTH.write("%s %s %s\n" % (own, self.headers.get("X-Truth-Parent", "-"), NAME))
        if self.path in ("/stream", "/after"):
            return self.stream(own) if self.path == "/stream" else self.after(own)
        statuses = {"/leaf": lambda _: [], "/one": self.one, "/two": self.two,
                    "/all": self.every, "/late": self.late}[self.path](own)
        self.answer(all(s == 200 for s in statuses))


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def get_request(self):
        sock, address = super().get_request()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock, address


server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
print("LISTEN", server.server_address[1], flush=True)
if os.environ.get("TICK"):
    threading.Thread(target=tick, args=(os.environ["TICK"],), daemon=True).start()
server.serve_forever()
