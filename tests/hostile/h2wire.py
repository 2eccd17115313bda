# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""HTTP/2 that no library would send. Header blocks are literals without Huffman codes."""

from frames import FRAME, PREFACE, frame

HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 1, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4


def integer(value, bits, first=0):
    """RFC 7541, 5.1."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + [value])


def literal(name, value, index=False):
    return (b"\x40" if index else b"\x00") + integer(len(name), 7) + name + integer(len(value), 7) + value


def indexed(i):
    return integer(i, 7, 0x80)


GRPC = literal(b"content-type", b"application/grpc")


def block(path, more=b""):
    """POST http of this path; the first three are of the static table."""
    return indexed(3) + indexed(6) + b"\x04" + integer(len(path), 7) + path + literal(b"host", b"h") + more


class Client:
    """A connection; counts the streams that were answered, whatever is in the answers."""

    def __init__(self, victim):
        self.sock = victim.connect()
        self.sock.sendall(PREFACE + frame(SETTINGS, 0, 0))
        self.stream, self.ends, self.buffer = 1, 0, b""

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.sock.close()

    def send(self, *frames):
        self.sock.sendall(b"".join(frames))

    def request(self, path, more=b""):
        self.send(frame(HEADERS, END_HEADERS | END_STREAM, self.stream, block(path, more)))
        self.stream += 2

    def answered(self, n):
        """Waits for the ends of so many streams in all."""
        while self.ends < n:
            data = self.sock.recv(1 << 16)
            if not data:
                raise ConnectionError("the victim closed the connection")
            self.buffer += data
            while len(self.buffer) >= 9:
                high, low, _, flags, stream = FRAME.unpack_from(self.buffer)
                end = 9 + (high << 8 | low)
                if len(self.buffer) < end:
                    break
                self.buffer = self.buffer[end:]
                self.ends += bool(stream and flags & END_STREAM)
