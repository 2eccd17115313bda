# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A fake agent: the documents of docs/api.md over a UNIX socket, from a world that a test makes.

It answers as the document says where top and tail can see it: sorting, `q`, `limit`, `kind`, the
filters of events. What was asked is in `asked`, so that a test knows it.
"""

import http.server
import json
import os
import queue
import socket
import socketserver
import threading
import urllib.parse


def stats(rate=0.0, errors=0.0, p50=0.004, window=60):
    """STATS of a window; quantiles are p50, 2 p50 and 4 p50."""
    count = int(rate * window)
    bad = int(count * errors)
    known = count > 0
    return {"count": count, "rate": rate, "errors": bad,
            "error_ratio": bad / count if count else 0.0,
            "mean": p50 if known else None, "p50": p50 if known else None,
            "p95": 2 * p50 if known else None, "p99": 4 * p50 if known else None}


class Series:
    """A service's side, or a route: what it is called and how busy it is."""

    def __init__(self, rate=0.0, errors=0.0, p50=0.004, **names):
        self.rate, self.errors, self.p50, self.names = rate, errors, p50, names

    def stats(self, window):
        s = stats(self.rate, self.errors, self.p50, window)
        s["total_count"], s["total_errors"] = 10 * s["count"], 10 * s["errors"]
        return s


class World:
    """services: name -> {"server": Series, "client": Series}; routes: [Series]."""

    def __init__(self, services=None, routes=None, lost=0, watching="--port 8080"):
        self.services, self.routes = services or {}, routes or []
        self.lost, self.watching = lost, watching


def normal():
    """Three services; each column sorts them in another order."""
    services = {
        "shop": {"server": Series(20.0, 0.0, 0.004), "client": Series(5.0, 0.2, 0.003)},
        "orders": {"server": Series(10.0, 0.10, 0.001), "client": None},
        "stock": {"server": Series(30.0, 0.01, 0.002), "client": None},
    }
    route = lambda service, method, path, rate, errors=0.0, p50=0.004, **more: Series(
        rate, errors, p50, service=service, method=method, route=path, **more)
    routes = [
        route("shop", "GET", "/products/{id}", 12.0),
        route("shop", "POST", "/cart", 6.0, 0.5, 0.040),
        route("shop", "GET", None, 2.0),
        route("shop", "GET", None, 5.0, 0.2, kind="client", peer="stock:8080"),
        route("orders", "GET", "/orders/{id}", 10.0, 0.1),
        Series(7.0, 0.0, 0.002, service="stock", method=None, route="stock.Items/Get",
               protocol="grpc"),
    ]
    return World(services, routes)


def span(**fields):
    s = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7",
         "parent_id": None, "link": None, "service": "shop", "namespace": "", "kind": "server",
         "protocol": "http", "method": "GET", "path": "/products/17", "route": "/products/{id}",
         "status": "200", "error": None, "start": 1795899990.123456, "duration": 0.00401,
         "request_end": 0.0001, "first_byte": 0.0039, "request_bytes": 0, "response_bytes": 218,
         "peer": "10.0.0.2:41000", "server": "shop.example:443", "scheme": "http",
         "version": "1.1", "pid": 2692, "request_id": None, "query": None, "headers": {},
         "rpc": None, "partial": False}
    s.update(fields)
    return s


SORTS = {"rate": "rate", "errors": "error_ratio", "p50": "p50", "p95": "p95", "p99": "p99"}


def page(rows, q, name_of, stats_of):
    """(total, rows of the page): `q`, `sort`, `order`, `limit`."""
    text = q.get("q", "").lower()
    rows = [r for r in rows if text in name_of(r).lower()]
    key = q.get("sort", "rate")
    default = "asc" if key == "name" else "desc"
    rows.sort(key=name_of)
    if key != "name":
        rows.sort(key=lambda r: stats_of(r)[SORTS[key]] or 0, reverse=True)
    if q.get("order", default) != default:
        rows.reverse()
    return len(rows), rows[:int(q.get("limit", 100))]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "socket"

    def do_GET(self):
        path, _, query = self.path.partition("?")
        q = dict(urllib.parse.parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
        fake = self.server.fake
        fake.asked.append((path, q))
        answer = {"/api/v1/services": fake.services, "/api/v1/routes": fake.routes,
                  "/api/v1/status": fake.status}.get(path)
        if fake.refuse:
            self.send(503, {"error": fake.refuse})
        elif path == "/api/v1/events":
            self.events(q)
        elif answer:
            self.send(200, answer(q))
        else:
            self.send(404, {"error": "there is no " + path})

    def send(self, status, document):
        body = document if isinstance(document, bytes) else json.dumps(
            document, ensure_ascii=False).encode("utf-8", "surrogateescape")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def events(self, q):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        events = self.server.fake.listen(q)
        while True:
            event = events.get()
            if event is None:
                return
            try:
                self.wfile.write(event)
                self.wfile.flush()
            except OSError:
                self.server.fake.left.set()
                return


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path, handler):
        super().__init__(path, handler)
        self.connections = set()

    def process_request(self, request, client_address):
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        pass  # a client that went away


class FakeAgent:
    def __init__(self, path, world=None):
        self.path, self.world = path, world or normal()
        self.asked, self.refuse = [], None
        self.listeners, self.listening = [], threading.Event()
        self.left = threading.Event()  # a listener was found to be gone
        self.server = None
        self.start()

    def start(self):
        self.server = Server(self.path, Handler)
        self.server.fake = self
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """As an agent that ends: streams end, nobody is at the socket any more."""
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.path)
        for events in self.listeners:
            events.put(None)
        for connection in list(self.server.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended by itself

    # ---- documents ----

    def services(self, q):
        window = int(float(q.get("window", 60)))
        points = int(q.get("points", 0))
        side = lambda s, kind: s[kind].stats(window) if s.get(kind) else None
        rows = [{"name": name, "namespace": "", "last": 1795899999.0, "in_flight": 0,
                 "server": side(s, "server"), "client": side(s, "client"),
                 "spark": {"rate": [float(i % 8) for i in range(points)],
                           "errors": [0.0] * points}}
                for name, s in self.world.services.items()]
        total, rows = page(rows, q, lambda r: r["name"], lambda r: r["server"] or r["client"])
        return {"from": 1795900000 - window, "to": 1795900000, "step": 1, "total": total,
                "next": None if total == len(rows) else "/api/v1/services?offset=1000",
                "services": rows}

    def routes(self, q):
        window = int(float(q.get("window", 60)))
        rows = []
        for r in self.world.routes:
            row = {"service": "", "namespace": "", "kind": "server", "protocol": "http",
                   "method": None, "route": None, "peer": None, **r.names,
                   **r.stats(window), "statuses": {}}
            if all(row[k] == q[k] for k in ("service", "namespace", "kind") if k in q):
                rows.append(row)
        name = lambda r: " ".join(filter(None, (r["service"], r["method"], r["route"], r["peer"])))
        total, rows = page(rows, q, name, lambda r: r)
        return {"from": 1795900000 - window, "to": 1795900000, "step": 1, "total": total,
                "next": None if total == len(rows) else "/api/v1/routes?offset=1000",
                "routes": rows}

    def status(self, _):
        metric = lambda reason, value: {
            "name": "redeye.events.dropped", "unit": "{event}", "kind": "counter", "help": "",
            "attrs": {"hook": "tcp_sendmsg", "reason": reason}, "value": value}
        return {"version": "0.1.0", "hostname": "n1", "pid": 1, "now": 1795900000.1,
                "started": 1795890000.5, "backend": "sock", "ready": True,
                "watching": self.world.watching, "processes": 3,
                "memory": {"rss_bytes": 1, "limit_bytes": 2}, "history": None, "traces": True,
                "metrics": [metric("ring_full", self.world.lost), metric("not_wanted", 4711)]}

    # ---- events ----

    def listen(self, q):
        events = queue.Queue()
        events.query = q
        self.listeners.append(events)
        self.listening.set()
        return events

    def emit(self, name, document):
        data = document if isinstance(document, bytes) else json.dumps(
            document, ensure_ascii=False).encode("utf-8", "surrogateescape")
        for events in self.listeners:
            events.put(b"event: " + name.encode() + b"\ndata: " + data + b"\n\n")
