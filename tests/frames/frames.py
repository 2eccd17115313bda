# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The frames of one direction, read from what was captured of it (RFC 9113)."""

from recording import Damaged

DATA, HEADERS, SETTINGS, PUSH_PROMISE, CONTINUATION = 0, 1, 4, 5, 9
END_STREAM, END_HEADERS = 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA_CAP, DATA_WHOLE = 16, 64  # what bpf/frames.h copies of DATA


class Walk:
    """Everything of a direction in order. A position that is lost is found again where the kernel
    side says that a frame begins; `lost` counts how often that was."""

    def __init__(self, direction, begin=None):
        self.d = direction
        self.segments = direction.segments
        self.i = self.used = 0
        self.headers = []  # (stream, flags, bytes of the block with its CONTINUATIONs)
        self.frames = self.data_bytes = self.continuations = self.lost = 0
        self.preface = False
        self.starts = set()
        if begin is not None:
            self.seek(begin)
        self.walk()

    def seek(self, off):
        while self.i < len(self.segments):
            start, _, n = self.segments[self.i]
            if off < start + n:
                self.used = off - start
                return
            self.i += 1

    def at(self):
        return self.segments[self.i][0] + self.used if self.i < len(self.segments) else self.d.end

    def take(self, n):
        """The next n bytes; fewer where something was left out, or at the end."""
        got = b""
        while n and self.i < len(self.segments):
            _, data, length = self.segments[self.i]
            if data is None:
                break
            part = data[self.used:self.used + n]
            got += part
            n -= len(part)
            self.used += len(part)
            if self.used == length:
                self.i, self.used = self.i + 1, 0
        return got

    def leave(self, n):
        """Passes n bytes, captured or not. Returns how many there were."""
        passed = 0
        while passed < n and self.i < len(self.segments):
            length = self.segments[self.i][2]
            step = min(n - passed, length - self.used)
            self.used += step
            passed += step
            if self.used == length:
                self.i, self.used = self.i + 1, 0
        return passed

    def again(self):
        """Goes on at the next place that is known to begin a frame."""
        self.lost += 1
        later = [off for off in self.d.frames if off > self.at()]
        if later:
            self.seek(min(later))
        else:
            self.i = len(self.segments)

    def walk(self):
        block = None
        while self.i < len(self.segments):
            self.starts.add(self.at())
            head = self.take(9)
            if head == PREFACE[:9]:
                if self.take(15) != PREFACE[9:]:
                    raise Damaged("a preface that is none")
                self.preface = True
                continue
            if len(head) < 9:
                if self.i < len(self.segments):
                    self.again()
                    block = None
                elif head:
                    raise Damaged(f"it ends within a header, {head!r}")
                continue
            block = self.frame(head, block)
        self.whole_block(block)

    def frame(self, head, block):
        n, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        stream = int.from_bytes(head[5:], "big") & 0x7fffffff
        self.frames += 1
        if kind == DATA:
            self.data(n)
            return block
        payload = self.take(n)
        if len(payload) < n:
            if self.i == len(self.segments):
                raise Damaged(f"it ends within a frame of type {kind}")
            self.again()
            return None
        if kind == HEADERS:
            self.whole_block(block)
            block = [stream, flags, n]
            self.headers.append(block)
        elif kind == CONTINUATION:
            if not block or block[0] != stream or block[1] & END_HEADERS:
                raise Damaged("CONTINUATION of nothing")
            self.continuations += 1
            block[1] |= flags & END_HEADERS
            block[2] += n
        return block

    @staticmethod
    def whole_block(block):
        if block and not block[1] & END_HEADERS:
            raise Damaged(f"a header block of stream {block[0]} has no end")

    def data(self, n):
        self.data_bytes += n
        want = n if n <= DATA_WHOLE else min(n, DATA_CAP)
        got = self.take(n)
        if len(got) != want and not self.d.unread:
            raise Damaged(f"of {n} bytes of DATA {len(got)} were copied")
        if len(got) + self.leave(n - len(got)) < n:
            raise Damaged("it ends within DATA")


def whole(direction):
    """The frames of a direction that was seen from its first byte and never lost."""
    if direction.begin != 0:
        raise Damaged(f"it begins at {direction.begin}")
    w = Walk(direction)
    if w.lost:
        raise Damaged(f"the position was lost {w.lost} times")
    wrong = direction.frames - w.starts
    if wrong:
        raise Damaged(f"no frame begins at {min(wrong)}")
    return w
