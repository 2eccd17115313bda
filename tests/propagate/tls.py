# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server that speaks TLS, by OpenSSL: tls.py CERTIFICATE KEY. Prints its port."""
import http.server
import ssl
import sys

server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(*sys.argv[1:])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
