# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""redeye.test.Echo by gRPC's C core; see tests/h2/README.md.

grpc_python.py serve PORT LOG [tls] | call HOST:PORT [tls]
"""

import concurrent.futures
import json
import os
import sys
import threading
import time

import grpc

SERVICE = "/redeye.test.Echo/"
HEALTH = "/grpc.health.v1.Health/Check"
KINDS = {"Unary": "unary_unary", "ServerStream": "unary_stream", "ClientStream": "stream_unary",
         "Bidi": "stream_stream", "Health": "unary_unary"}
OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
           ("grpc.so_reuseport", 0))
CODES = {code.value[0]: code for code in grpc.StatusCode}


def certs(name):
    with open(os.path.join(os.environ["TLS_CERTS"], name), "rb") as f:
        return f.read()


# ---- the server --------------------------------------------------------------------

class Call:
    """One call of any kind."""

    def __init__(self, name, truth, context):
        self.name, self.truth, self.context = name, truth, context
        self.got = self.sent = 0
        self.over = threading.Event()
        context.add_callback(self.over.set)

    def receive(self, message):
        self.got += 1
        if self.got == 1:
            line = message.split(b"\n", 1)[0]
            self.status, self.count, self.size, self.hold = map(int, line.split())

    def answers(self):
        for _ in range(self.count):
            self.sent += 1
            yield bytes(self.size)

    def end(self):
        """Waits, and says how it ends."""
        cancelled = self.hold and self.over.wait(self.hold / 1000)
        status = 1 if cancelled else self.status
        single = KINDS[self.name].endswith("_unary")
        self.sent += single and status == 0
        os.write(self.truth, b"%s %d %d %d\n" % (self.name.encode(), status, self.got, self.sent))
        if cancelled or status:
            self.context.abort(CODES[status], "as asked: \u00fc%")
        return bytes(self.size) if single else None


def unary(name, truth):
    def handle(request, context):
        call = Call(name, truth, context)
        for message in request if KINDS[name].startswith("stream") else [request]:
            call.receive(message)
        return call.end()
    return handle


def stream(name, truth):
    def handle(request, context):
        call = Call(name, truth, context)
        for message in request if KINDS[name].startswith("stream") else [request]:
            call.receive(message)
            yield from call.answers()
        call.end()
    return handle


class Handlers(grpc.GenericRpcHandler):
    def __init__(self, truth):
        self.by_path = {HEALTH: grpc.unary_unary_rpc_method_handler(lambda r, c: b"\x08\x01")}
        for name, kind in KINDS.items():
            if name != "Health":
                make = getattr(grpc, kind + "_rpc_method_handler")
                behaviour = unary if kind.endswith("_unary") else stream
                self.by_path[SERVICE + name] = make(behaviour(name, truth))

    def service(self, details):
        return self.by_path.get(details.method)


def serve(port, log, tls):
    truth = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(128), [Handlers(truth)],
                         options=OPTIONS)
    address = "127.0.0.1:" + port
    if tls:
        pem = certs("server.pem")
        bound = server.add_secure_port(address, grpc.ssl_server_credentials([(pem, pem)]))
    else:
        bound = server.add_insecure_port(address)
    server.start()
    print("LISTEN %d" % bound, flush=True)
    server.wait_for_termination()


# ---- the client --------------------------------------------------------------------

class Script:
    """A line of standard input."""

    def __init__(self, line):
        self.method, *numbers = line.split()
        (self.status, self.count, self.size, self.hold, self.send, self.send_size, self.pause,
         self.deadline, self.cancel, self.times, self.together) = map(int, numbers)
        self.kind = KINDS[self.method]
        head = b"%d %d %d %d\n" % (self.status, self.count, self.size, self.hold)
        self.message = head + bytes(max(0, self.send_size - len(head)))

    def messages(self, stop):
        for _ in range(self.send):
            yield self.message
        if self.pause:
            stop.wait(self.pause / 1000)


def exchange(channel, s, stop):
    """(status, answers)"""
    path = HEALTH if s.method == "Health" else SERVICE + s.method
    make = getattr(channel, s.kind)(path)
    request = s.messages(stop) if s.kind.startswith("stream") else s.message
    timeout = s.deadline / 1000 if s.deadline else None
    single = s.kind.endswith("_unary")
    call = make.future(request, timeout=timeout) if single else make(request, timeout=timeout)
    if s.cancel:
        threading.Timer(s.cancel / 1000, call.cancel).start()
    answers = []
    try:
        if single:
            answers.append(call.result())
        else:
            answers.extend(len(answer) * b" " for answer in call)
        return 0, answers
    except grpc.FutureCancelledError:
        return 1, answers
    except grpc.RpcError as e:
        return e.code().value[0], answers


def one(channel, s):
    stop = threading.Event()
    start = time.monotonic()
    status, answers = exchange(channel, s, stop)
    seconds = time.monotonic() - start
    stop.set()
    sent = s.send if s.kind.startswith("stream") else 1
    return json.dumps({"method": s.method, "status": status, "sent": sent, "got": len(answers),
                       "bytes": sum(map(len, answers)), "seconds": round(seconds, 6)})


def call(target, tls):
    channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(certs("ca.pem")), OPTIONS) \
        if tls else grpc.insecure_channel(target, OPTIONS)
    print("READY", flush=True)
    for line in sys.stdin:
        s = Script(line)
        with concurrent.futures.ThreadPoolExecutor(s.together) as pool:
            for said in pool.map(lambda _: one(channel, s), range(s.times)):
                print(said, flush=True)
    channel.close()


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]](*sys.argv[2:-1 if sys.argv[-1] == "tls" else None],
                                                sys.argv[-1] == "tls")
