# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Recordings (agent/recording.h): the connections in them, and what is known of each direction's
bytes, as bpf/redeye.h defines the records."""

import struct

OPEN, DATA, CLOSE = 1, 2, 4
NOBUF, READ_ERR, HELLO, PIECES = 1 << 1, 1 << 3, 1 << 6, 1 << 7
MORE_FRAME = 1
CAP_MAX = 4096

HEADER = struct.Struct("<8sIIQQ")
HDR = struct.Struct("<IHHQ")
OPENED = struct.Struct("<QQIHHHHB3x")
CALL = struct.Struct("<QQIIIIBBHHHQQQ8s")
STATE = struct.Struct("<QQQQQ16sIBBH")
PIECE = struct.Struct("<II")


class Damaged(Exception):
    """The records contradict each other."""


class Direction:
    """Segments (offset, bytes or None, length) that follow each other, and what was said of
    their offsets."""

    def __init__(self):
        self.segments = []
        self.frames = set()   # offsets that begin a frame, as the kernel side says
        self.unread = 0       # records whose bytes could not be had
        self.records = 0
        self.record_bytes = 0
        self.begin = self.end = None

    def add(self, off, flags, more, length, body):
        if self.end is None:
            self.begin = self.end = off
        if off != self.end:
            raise Damaged(f"a record begins at {off}, the last one ended at {self.end}")
        self.records += 1
        self.record_bytes += HDR.size + CALL.size + len(body)
        self.unread += bool(flags & (NOBUF | READ_ERR))
        if more & MORE_FRAME:
            self.frames.add(off)
        at = 0
        while at < len(body):
            n, skip = PIECE.unpack_from(body, at)
            at += PIECE.size
            if n:
                self.segments.append((self.end, body[at:at + n], n))
            if skip:
                self.segments.append((self.end + n, None, skip))
            at += n
            self.end += n + skip
        if at != len(body) or self.end != off + length:
            raise Damaged(f"the pieces of a record of {length} bytes make {self.end - off}")


class Connection:
    def __init__(self, local_port, tgid):
        self.local_port = local_port
        self.tgid = tgid
        self.layers = {}
        self.closed = None  # (bytes in, bytes out)

    def direction(self, layer, number):
        return self.layers.setdefault(layer, (Direction(), Direction()))[number]

    def directions(self):
        """The topmost layer's, in and out."""
        return self.layers[max(self.layers)]


def read(path):
    """The connections of a recording. Records that are not of HTTP/2 are left out."""
    with open(path, "rb") as file:
        data = file.read()
    at, connections = HEADER.unpack_from(data)[2], {}
    while at + HDR.size <= len(data):
        length, kind, _cpu, _ts = HDR.unpack_from(data, at)
        body = at + HDR.size
        if kind == OPEN:
            conn_id, _sk, tgid, _family, _type, local, _remote, _est = OPENED.unpack_from(data, body)
            connections[conn_id] = Connection(local, tgid)
        elif kind == DATA:
            (conn_id, off, n, cap, _tgid, _tid, number, flags, _nr, layer, more, *_) = \
                CALL.unpack_from(data, body)
            if length != HDR.size + CALL.size + cap or cap > CAP_MAX:
                raise Damaged(f"a record of {length} bytes with {cap} captured")
            if flags & PIECES:
                payload = data[body + CALL.size:at + length]
                connections[conn_id].direction(layer, number).add(off, flags, more, n, payload)
        elif kind == CLOSE:
            conn_id, into, out, *_ = STATE.unpack_from(data, body)
            if conn_id in connections:
                connections[conn_id].closed = (into, out)
        at += length + 7 & ~7
    return [c for c in connections.values() if c.layers]
