# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Requests with ids: load-GROUP-1, load-GROUP-2, ..., at a concurrency or at a rate.

Those of the group "traced" bring the context of a trace, of "named" an X-Request-ID.
"""

import threading
import time

import truth
from client import Conn, expect_status, head


def request(path, group, number):
    own = "load-%s-%d" % (group, number)
    more = {}
    if group == "traced":
        more["traceparent"] = "00-%s-%s-01" % truth.context(own)
    elif group == "named":
        more["X_Request_ID"] = own
    return head("GET", path, X_Truth_Id=own, X_Truth_Parent=truth.NONE, **more)


def group_of(request_id):
    """The group of load-GROUP-N."""
    return request_id.split("-")[1]


class Load:
    """`n` requests over `conns` kept connections, a thread each; `rate` a second, 0: at once."""

    def __init__(self, address, path, group, n, conns=1, rate=0):
        self.address, self.path, self.group = address, path, group
        self.rate = rate
        self.numbers = iter(range(1, n + 1))  # a C iterator: taking one is atomic
        self.errors = []
        self.start = time.monotonic()
        self.threads = [threading.Thread(target=self._work, daemon=True) for _ in range(conns)]
        for thread in self.threads:
            thread.start()

    def _pace(self, number):
        if self.rate:
            time.sleep(max(0, self.start + number / self.rate - time.monotonic()))

    def _work(self):
        try:
            with Conn(self.address) as conn:
                for number in self.numbers:
                    self._pace(number)
                    expect_status(conn.request(request(self.path, self.group, number)), 200)
        except Exception as e:  # handed to the main thread in wait
            self.errors.append(e)

    def wait(self):
        for thread in self.threads:
            thread.join()
        if self.errors:
            raise self.errors[0]
