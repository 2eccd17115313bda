# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A collector of spans: takes OTLP/JSON on /v1/traces and keeps what came.

It can go away and come back on the same port. As a program: otlp.py [PORT] prints
"LISTEN <port>", then a JSON line for each span.
"""

import contextlib
import gzip
import http.server
import json
import socket
import sys
import threading

KINDS = {2: "server", 3: "client", "SPAN_KIND_SERVER": "server", "SPAN_KIND_CLIENT": "client"}


def plain(value):
    """The Python value of an AnyValue."""
    (kind, inner), = value.items() or ((None, None),)
    if kind == "arrayValue":
        return [plain(v) for v in inner.get("values", [])]
    return int(inner) if kind == "intValue" else inner


def attributes(message):
    return {a["key"]: plain(a["value"]) for a in message.get("attributes", [])}


def header(attrs, name):
    values = attrs.get("http.request.header." + name) or [""]
    return values[0] if isinstance(values, list) else values


class Span:
    def __init__(self, service, message):
        self.service = service
        self.trace_id = message["traceId"].lower()
        self.span_id = message["spanId"].lower()
        self.parent_id = message.get("parentSpanId", "").lower()
        self.kind = KINDS.get(message.get("kind"), "other")
        self.name = message.get("name")
        self.start_ns = int(message["startTimeUnixNano"])
        self.end_ns = int(message["endTimeUnixNano"])
        self.attributes = attributes(message)
        self.id = header(self.attributes, "x-truth-id")
        self.parent = header(self.attributes, "x-truth-parent")


def spans_of(body):
    """The spans of one ExportTraceServiceRequest."""
    for resource in json.loads(body).get("resourceSpans", []):
        service = attributes(resource.get("resource", {})).get("service.name")
        for scope in resource.get("scopeSpans", []):
            for message in scope.get("spans", []):
                yield Span(service, message)


class Server(http.server.ThreadingHTTPServer):
    """Knows its connections, so that it can end them."""

    daemon_threads = True

    def __init__(self, *arguments):
        self.open = set()
        super().__init__(*arguments)

    def process_request(self, sock, address):
        self.open.add(sock)
        super().process_request(sock, address)

    def shutdown_request(self, sock):
        self.open.discard(sock)
        super().shutdown_request(sock)

    def cut(self):
        for sock in list(self.open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def handle_error(self, sock, address):
        pass  # cut while it answered


class Receiver:
    """Listens on `port` (0: chooses one) from the start; `pause` and `resume` at will."""

    def __init__(self, port=0):
        self.port = port
        self.bodies = []    # what came and was not looked at yet
        self.received = []  # spans, duplicates included
        self.requests = 0
        self.server = None
        self.resume()

    def resume(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                receiver.requests += 1
                good = self.path == "/v1/traces" and \
                    self.headers.get_content_type() == "application/json"
                if good:
                    receiver.bodies.append(body)
                self.send_response(200 if good else 415)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *unused):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def pause(self):
        """Refuses connections, and ends those that are open."""
        server, self.server = self.server, None
        server.shutdown()
        server.server_close()
        server.cut()

    def close(self):
        if self.server:
            self.pause()

    def spans(self):
        """All that came so far."""
        bodies, self.bodies = self.bodies, []
        for body in bodies:
            self.received += spans_of(body)
        return self.received

    def endpoint(self):
        return "http://127.0.0.1:%d" % self.port


def main():
    receiver = Receiver(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print("LISTEN", receiver.port, flush=True)
    shown = 0
    while True:
        threading.Event().wait(0.1)
        for span in receiver.spans()[shown:]:
            print(json.dumps(vars(span)), flush=True)
            shown += 1


if __name__ == "__main__":
    main()
