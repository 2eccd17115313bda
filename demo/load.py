# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""People in the shop: about 50 requests a second until SIGTERM.

python3 load.py SHOP_PORT    prints {"METHOD STATUS": requests} as JSON at the end

Four people keep their connection, the fifth opens one for each request.
"""

import collections
import http.client
import json
import random
import signal
import sys
import threading
import time

PORT = int(sys.argv[1])
PEOPLE = 5
EACH_PER_SECOND = 10

stop = threading.Event()
lock = threading.Lock()
counts = collections.Counter()
orders = [1]


def choose():
    """(method, path, body): what somebody does next."""
    what = random.random()
    if what < 0.20:
        return "GET", "/", None
    if what < 0.55:
        return "GET", "/products/%d" % random.randint(1, 42), None
    if what < 0.75:
        return "POST", "/orders", {"item": random.randint(1, 40)}
    order = random.choice(orders[-20:])
    if what < 0.87:
        return "GET", "/orders/%d" % order, None
    if what < 0.97:
        return "POST", "/checkout", {"order": order}
    return "GET", "/wishlist", None


def send(conn):
    method, path, data = choose()
    conn.request(method, path, data and json.dumps(data), {"Content-Type": "application/json"})
    answer = conn.getresponse()
    reply = json.loads(answer.read())
    with lock:
        counts["%s %d" % (method, answer.status)] += 1
        if path == "/orders" and answer.status == 201:
            orders.append(reply["id"])


def person(keeps_connection):
    conn = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
    due = time.monotonic() + random.random() / EACH_PER_SECOND
    while not stop.wait(max(0, due - time.monotonic())):
        due += random.uniform(0.5, 1.5) / EACH_PER_SECOND
        try:
            send(conn)
        except (OSError, http.client.HTTPException, ValueError) as e:
            with lock:
                counts["failed: %s" % e] += 1
            conn.close()
        if not keeps_connection:
            conn.close()
    conn.close()


def main():
    # The handler runs in the main thread, which only waits.
    signal.signal(signal.SIGTERM, lambda *unused: stop.set())
    people = [threading.Thread(target=person, args=(i < PEOPLE - 1,)) for i in range(PEOPLE)]
    for p in people:
        p.start()
    for p in people:
        p.join()
    print(json.dumps(counts))


main()
