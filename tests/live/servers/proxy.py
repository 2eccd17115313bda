#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A forward proxy: CONNECT tunnels, and GET in absolute form.

proxy.py PORT        PORT 0: choose one. Prints "LISTEN <port>".
"""

import http.client
import http.server
import select
import socket
import sys
import urllib.parse


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *unused):
        pass

    def do_CONNECT(self):
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as target:
            self.send_response(200, "Connection established")
            self.end_headers()
            self.tunnel(target)
        self.close_connection = True

    def tunnel(self, target):
        """Copies both ways until one side ends; rfile is empty, the client waited for the 200."""
        other = {self.connection: target, target: self.connection}
        while True:
            for sock in select.select(list(other), [], [])[0]:
                data = sock.recv(65536)
                if not data:
                    return
                other[sock].sendall(data)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        target = http.client.HTTPConnection(url.hostname, url.port)
        target.request("GET", url.path)
        answer = target.getresponse()
        body = answer.read()
        target.close()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def get_request(self):
        sock, address = super().get_request()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock, address


server = Server(("127.0.0.1", int(sys.argv[1])), Proxy)
print("LISTEN", server.server_address[1], flush=True)
server.serve_forever()
