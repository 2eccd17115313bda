# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A client that waits in a blocking recv: waits.py PORT.

For each line "wait" on its input: opens a connection, has one request answered, sends a second
one, waits, and prints how the wait ended. Meanwhile each SIGUSR1 prints "signal", and the line
"shutdown" has another thread shut the connection down. Python restarts a call that a signal has
interrupted (PEP 475), so all that may be seen of signals is that line.
"""
import signal
import socket
import sys
import threading

REQUEST = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
connection = None


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def commands(wanted, begin):
    for line in sys.stdin:
        if line == "shutdown\n":
            connection.shutdown(socket.SHUT_RDWR)
        else:
            wanted.append(line)
            begin.release()
    begin.release()


def wait(port):
    """In words, what came of the second request."""
    global connection
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for n in range(2):
            connection.sendall(REQUEST % n)
            try:
                got = connection.recv(1000)
            except OSError as e:
                return type(e).__name__
            if got != ANSWER:
                return repr(got)
    return "answered"


def main():
    wanted, begin = [], threading.Semaphore(0)
    signal.signal(signal.SIGUSR1, lambda *_: say("signal"))
    # A signal must find the thread that waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    threading.Thread(target=commands, args=(wanted, begin), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
    while True:
        begin.acquire()
        if not wanted:
            return
        wanted.pop()
        say(wait(int(sys.argv[1])))


main()
