# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The example's protocol on this kernel: a server and a client of memcached's, both watched, and what /metrics counts. Some
answers are larger than what is copied of a call, so that the kernel side's mode and the counting of bodies are in it."""
import os, signal, socket, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "live"))

from agent import Agent  # noqa: E402
from lib import Failure, settings  # noqa: E402

ROUNDS = 97


def serve(listener):
    store = {}
    while True:
        lines = listener.accept()[0]
        f = lines.makefile("rb")
        for line in iter(f.readline, b""):
            word = line.split()
            if word[0] == b"set":
                store[word[1]] = f.read(int(word[4]) + 2)
                lines.sendall(b"STORED\r\n")
            else:
                value = store.get(word[1])
                lines.sendall((b"VALUE %s 0 %d\r\n%s" % (word[1], len(value) - 2, value) if value else b"") + b"END\r\n")


def ask(port):
    with socket.create_connection(("127.0.0.1", port)) as c:
        f = c.makefile("rb")
        for i in range(ROUNDS):
            value = b"x\r\n\r\n" * (1 + i * 300 if i % 10 == 0 else 1)
            c.sendall(b"set k%d 0 0 %d\r\n%s\r\n" % (i, len(value), value))
            f.readline()
            c.sendall(b"get k%d\r\n" % i)
            f.readline()
            f.read(len(value) + 2)
            f.readline()
            c.sendall(b"get none\r\n")
            f.readline()


def child(work):
    """A process that does this when it gets a byte, and its pipe."""
    r, w = os.pipe()
    pid = os.fork()
    if pid:
        os.close(r)
        return pid, w
    os.close(w)
    try:
        if os.read(r, 1):
            work()
    finally:
        os._exit(0)


def counts(metrics):
    families = {"server": "redeye_db_server_operation_duration_seconds_count", "client": "db_client_operation_duration_seconds_count"}
    return {(side, dict(labels)["db_operation_name"]): int(n) for side, name in families.items()
            for labels, n in metrics.by(name).items()}


def run(redeye):
    """What was counted, and what there was."""
    settings.redeye = redeye
    listener = socket.create_server(("127.0.0.1", 0))
    children = [child(lambda: serve(listener)), child(lambda: ask(listener.getsockname()[1]))]
    want = {(side, name): n for side in ("server", "client") for name, n in (("set", ROUNDS), ("get", 2 * ROUNDS))}
    with tempfile.TemporaryDirectory() as folder:
        agent = None
        try:
            agent = Agent("auto", folder, [x for pid, _ in children for x in ("--pid", str(pid))], routes=(), options=["--no-tls"])
            for _, pipe in children:
                os.write(pipe, b"x")
            os.waitpid(children.pop()[0], 0)
            seen = {}

            def missing(metrics):
                seen.clear()
                seen.update(counts(metrics))
                return [] if seen == want else ["%r" % seen]
            agent.poll(missing)
            agent.finish()
        finally:
            for pid, _ in children:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            if agent:
                agent.proc.stop()
    return seen, want
