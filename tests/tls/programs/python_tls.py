#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""http.server with threads over TLS, and over plain TCP on a second port.

python_tls.py PORT [WORD...]        PORT 0: choose one. Prints "PLAIN <port>", "LISTEN <port>".
Words: verify (ask for a client certificate), 1.2 or 1.3 (that version only).
The endpoints are those of tests/live/servers/python_server.py, and /sink.
"""

import argparse
import os
import re
import ssl
import sys
import threading

LIVE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "live", "servers")
sys.path.insert(0, LIVE)
sys.dont_write_bytecode = True

import python_server as live

CERTS = os.environ["TLS_CERTS"]
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def context(words):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(os.path.join(CERTS, "server.pem"))
    if "verify" in words:
        ctx.load_verify_locations(os.path.join(CERTS, "ca.pem"))
        ctx.verify_mode = ssl.CERT_REQUIRED
    for word in words:
        if word in VERSIONS:
            ctx.minimum_version = ctx.maximum_version = VERSIONS[word]
    return ctx


def sink(handler):
    """Reads a body of any size, keeps none of it."""
    left = size = int(handler.headers.get("Content-Length", 0))
    while left:
        left -= len(handler.rfile.read(min(left, 65536)))
    handler.answer(body=b"%d\n" % size)


live.ROUTES.append((re.compile(r"/sink"), sink))


class Server(live.Server):
    def __init__(self, port, ctx):
        self.ctx = ctx
        super().__init__(argparse.Namespace(unix=None, host="127.0.0.1", reuseport=False), port)

    def get_request(self):
        sock, address = super().get_request()
        if self.ctx:  # the handshake is the thread's
            sock = self.ctx.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return sock, address


def main():
    plain, tls = Server(0, None), Server(int(sys.argv[1]), context(sys.argv[2:]))
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    print("PLAIN", plain.socket.getsockname()[1], flush=True)
    print("LISTEN", tls.socket.getsockname()[1], flush=True)
    tls.serve_forever()


if __name__ == "__main__":
    main()
