# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Orders and their payment; reserves each ordered item in stock.

python3 orders.py STOCK_PORT    prints "LISTEN <port>", then its access log
"""

import http.client
import itertools
import json
import logging
import random
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STOCK_PORT = int(sys.argv[1])
orders = {}
numbers = itertools.count(1)


def reserve(item):
    """Asks stock on a connection of its own."""
    stock = http.client.HTTPConnection("127.0.0.1", STOCK_PORT, timeout=10)
    try:
        stock.request("POST", "/items/%d/reservations" % item)
        answer = stock.getresponse()
        answer.read()
        return answer.status
    finally:
        stock.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def create(self, data):
        item = json.loads(data)["item"]
        status = reserve(item)
        if status != 201:
            return status, {"error": "stock said %d" % status}
        number = next(numbers)
        orders[number] = {"id": number, "item": item, "paid": False}
        return 201, orders[number]

    def show(self, data, number):
        time.sleep(random.uniform(0.001, 0.006))
        order = orders.get(int(number))
        return (200, order) if order else (404, {"error": "no such order"})

    def pay(self, data, number):
        time.sleep(random.uniform(0.02, 0.09))
        if random.random() < 0.05:
            return 500, {"error": "the bank does not answer"}
        if int(number) not in orders:
            return 404, {"error": "no such order"}
        orders[int(number)]["paid"] = True
        return 200, orders[int(number)]

    def serve(self):
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, reply = 404, {"error": "not found"}
        for method, pattern, action in ROUTES:
            m = pattern.fullmatch(self.path)
            if m and method == self.command:
                status, reply = action(self, data, *m.groups())
        body = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = serve

    def log_request(self, code="-", size="-"):
        logging.info("%s %s %d", self.command, self.path, code)


ROUTES = [
    ("POST", re.compile(r"/orders"), Handler.create),
    ("GET", re.compile(r"/orders/(\d+)"), Handler.show),
    ("POST", re.compile(r"/orders/(\d+)/payment"), Handler.pay),
]

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print("LISTEN", server.server_address[1], flush=True)
server.serve_forever()
