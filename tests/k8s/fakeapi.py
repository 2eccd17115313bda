# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The part of a Kubernetes API server that redeye asks, made to misbehave.

Pods are lists of versions, as etcd has them: a watch from an old version gets what happened
since, or 410 when that was compacted. Every request is checked as the real server would.
"""

import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PATH = "/api/v1/pods"


def status(code, message, reason=""):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code}


def container_id(n):
    return "%064x" % (0xabc0000 + n)


def uid(n):
    return "1b4e28ba-2fa1-11d2-883f-%012x" % n


def pod(n, node="here", namespace="shop", name=None, labels=None, annotations=None, owner=None,
        image="registry:5000/team/web:1.2", containers=("web",), started=True, ip=None, **spec):
    """A pod as the API server has it, as far as it matters and with what is in the way."""
    metadata = {
        "name": name or "web-%d" % n, "namespace": namespace, "uid": uid(n),
        "creationTimestamp": "2026-11-28T20:00:00Z", "labels": labels or {},
        "annotations": annotations or {},
        "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {"f:x \"{[": {}}}}],
    }
    if owner:
        kind, owner_name = owner
        metadata["ownerReferences"] = [
            {"kind": "Other", "name": "no", "uid": "0"},
            {"apiVersion": "apps/v1", "kind": kind, "name": owner_name, "controller": True}]
    statuses = [{"name": c, "containerID": "containerd://" + container_id(n * 10 + i)}
                for i, c in enumerate(containers)] if started else []
    return {
        "metadata": metadata,
        "spec": {"nodeName": node, "containers": [{"name": c, "image": image} for c in containers],
                 **spec},
        "status": {"phase": "Running", "podIP": ip or "10.0.%d.%d" % (n // 250, n % 250 + 1),
                   "containerStatuses": statuses},
    }


class Api:
    """What the server knows, and how it is to behave."""

    def __init__(self, certificate=None, token="token-1"):
        self.lock = threading.Condition()
        self.version = 1000
        self.pods = {}          # by uid
        self.log = []           # (version, type, node, object)
        self.compacted = 0      # versions up to here are gone
        self.tokens = {token} if token else None
        self.page = 1000        # pods in one answer, whatever the client wants
        self.requests = []      # (path, query)
        self.wrong = []         # what the real server would not have taken
        self.fail = []          # of the next requests: code, or a function of the handler
        self.bookmark_every = 0
        self.watches = set()    # of their handlers; one whose client went is in it until it writes
        self.begun = 0          # watches, ever
        self.accepted = 0
        self.server = None
        self.certificate, self.port = certificate, 0
        self.start()

    # ---- life

    def start(self):
        api = self

        class Handler(Request):
            pass

        Handler.api = api

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 64
            allow_reuse_address = True

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """Down: nobody listens, every connection is cut."""
        if not self.server:
            return
        self.server.shutdown()
        self.server.server_close()
        self.server = None
        self.cut()

    def cut(self):
        """Ends every watch in the middle of its answer."""
        with self.lock:
            for w in list(self.watches):
                w.cut = True
            self.lock.notify_all()

    def end(self):
        """Ends every watch as the server does when its time is over."""
        with self.lock:
            for w in list(self.watches):
                w.ended = True
            self.lock.notify_all()

    @property
    def url(self):
        return "%s://127.0.0.1:%d" % ("https" if self.certificate else "http", self.port)

    # ---- pods

    def put(self, *pods):
        with self.lock:
            for p in pods:
                self.version += 1
                p["metadata"]["resourceVersion"] = str(self.version)
                new = p["metadata"]["uid"] not in self.pods
                self.pods[p["metadata"]["uid"]] = p
                self.log.append((self.version, "ADDED" if new else "MODIFIED", p))
            self.lock.notify_all()

    def remove(self, p):
        with self.lock:
            self.version += 1
            gone = json.loads(json.dumps(self.pods.pop(p["metadata"]["uid"])))
            gone["metadata"]["resourceVersion"] = str(self.version)
            self.log.append((self.version, "DELETED", gone))
            self.lock.notify_all()

    def say(self, kind, thing):
        """To every watch there is: an event, or bytes."""
        with self.lock:
            for w in self.watches:
                w.extra.append(thing if isinstance(thing, bytes)
                               else json.dumps({"type": kind, "object": thing}).encode() + b"\n")
            self.lock.notify_all()

    def compact(self):
        with self.lock:
            self.compacted = self.version

    def count(self, watch):
        with self.lock:
            return sum(("watch" in q) == watch for _, q in self.requests)


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api = None
    timeout = 60

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.cut, self.ended, self.extra = False, False, []
        self.api.accepted += 1

    def answer(self, code, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, code):
        self.answer(code, status(code, "as you wish"), **({"Retry_After": "1"} if code == 429 else {}))

    def may(self):
        """Is it somebody, and a request that is allowed?"""
        api, sent = self.api, self.headers.get("Authorization", "")
        if api.tokens is not None and sent[len("Bearer "):] not in api.tokens:
            self.answer(401, status(401, "Unauthorized"))
            return False
        if api.tokens is None and sent:
            api.wrong.append("a token without TLS")
        return True

    def do_GET(self):
        api, parts = self.api, urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        with api.lock:
            api.requests.append((parts.path, query))
            fail = api.fail.pop(0) if api.fail else None
        if callable(fail):
            fail(self)
        elif fail:
            self.refuse(fail)
        elif self.may() and self.check(parts.path, query):
            (self.watch if "watch" in query else self.list)(query)

    def check(self, path, query):
        selector = query.get("fieldSelector", "")
        if path != PATH or not selector.startswith("spec.nodeName=") or \
                (query.get("continue") and query.get("resourceVersion")):
            self.api.wrong.append(self.path)
            self.answer(400, status(400, "bad request"))
            return False
        self.node = selector.split("=")[1]
        return True

    # ---- a list

    def list(self, query):
        api = self.api
        with api.lock:
            at = int(query["continue"].split(".")[0]) if "continue" in query else api.version
            start = int(query["continue"].split(".")[1]) if "continue" in query else 0
            mine = [p for p in api.pods.values() if p["spec"]["nodeName"] == self.node]
            size = min(int(query.get("limit", 10**6)), api.page if "limit" in query else 10**6)
            old = "continue" in query and at <= api.compacted
        if old:
            self.answer(410, status(410, "The provided continue parameter is too old", "Expired"))
            return
        metadata = {"resourceVersion": str(at)}
        if start + size < len(mine):
            metadata["continue"] = "%d.%d" % (at, start + size)
        self.answer(200, {"kind": "PodList", "apiVersion": "v1", "metadata": metadata,
                          "items": mine[start:start + size]})

    # ---- a watch

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def next_events(self, position, until):
        """What to write now; None: it ends."""
        api = self.api
        with api.lock:
            while True:
                if not self.extra and (self.cut or self.ended or time.monotonic() > until):
                    return None
                out, self.extra = self.extra, []
                for version, kind, p in api.log:
                    if version > position[0] and p["spec"]["nodeName"] == self.node:
                        out.append(json.dumps({"type": kind, "object": p}).encode() + b"\n")
                position[0] = api.version
                if out:
                    return out
                bookmark = api.bookmark_every
                if not api.lock.wait(bookmark or 0.2) and bookmark:
                    return [json.dumps({"type": "BOOKMARK", "object": {
                        "kind": "Pod", "apiVersion": "v1", "metadata": {
                            "resourceVersion": str(api.version)}}}).encode() + b"\n"]

    def watch(self, query):
        api, since = self.api, int(query["resourceVersion"])
        self.ended = False
        if query.get("allowWatchBookmarks") != "true" or not query.get("timeoutSeconds"):
            api.wrong.append(self.path)
        if since < api.compacted:
            self.answer(410, status(410, "too old resource version", "Expired"))
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with api.lock:
            api.watches.add(self)
            api.begun += 1
        try:
            self.follow([since], time.monotonic() + int(query["timeoutSeconds"]))
        finally:
            with api.lock:
                api.watches.discard(self)

    def follow(self, position, until):
        while True:
            events = self.next_events(position, until)
            if events is None:
                break
            for e in events:
                # cut anywhere, as TCP does
                self.chunk(e[:len(e) // 3])
                self.chunk(e[len(e) // 3:])
        if self.cut:
            self.close_connection = True
            self.wfile.write(b"40\r\n{\"type\":\"ADDED\"")
        else:
            self.wfile.write(b"0\r\n\r\n")


def hang_up(handler):
    handler.close_connection = True


def garbage(body):
    return lambda handler: handler.answer(200, body)


def half(body):
    """The first half of what it announces."""
    def send(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:len(body) // 2])
        handler.close_connection = True
    return send
