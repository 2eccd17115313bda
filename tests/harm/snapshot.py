# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a process is at one moment, as /proc tells: mappings, machine code, descriptors, threads."""

import collections
import os
import re

BLOCK = 4096
# The kernel's own, where it steps over an instruction or has calls land (Linux 6.18): it maps
# them with the first probe of a process and leaves them there until the process ends.
OF_KERNEL = ("[uprobes]", "[uprobes-trampoline]")
MOVING = re.compile(r"^(|\[heap\]|\[stack.*\]|\[anon.*\]|/memfd:.*|/dev/zero.*)$")
PROBE_MAX = 5  # bytes: int3 is one, a call instead of a long nop is five


class Mapping:
    def __init__(self, line):
        words = line.split(None, 5)
        self.line = line
        self.start, self.end = (int(x, 16) for x in words[0].split("-"))
        self.perms = words[1]
        self.path = words[5] if len(words) > 5 else ""


class Process:
    def __init__(self, pid, with_text):
        with open("/proc/%d/maps" % pid) as f:
            self.maps = [Mapping(line.rstrip("\n")) for line in f]
        self.open = _open_files(pid)
        self.fds = len(self.open)
        self.threads = len(os.listdir("/proc/%d/task" % pid))
        self.text = _text(pid, self.maps) if with_text else {}

    def mine(self):
        """Its own mappings, each as /proc has it."""
        return [m for m in self.maps if m.path not in OF_KERNEL]

    def all_lines(self):
        """How far the heap reaches is its allocator's business: where it begins."""
        return ["%x- %s [heap]" % (m.start, m.perms) if m.path == "[heap]" else m.line
                for m in self.mine()]

    def file_lines(self):
        """Without the heap, stacks and other anonymous memory."""
        return [m.line for m in self.mine() if not MOVING.match(m.path)]

    def of_kernel(self):
        return {m.path for m in self.maps if m.path in OF_KERNEL}


def _open_files(pid):
    """What its descriptors are, numbers aside."""
    folder, found = "/proc/%d/fd" % pid, []
    for fd in os.listdir(folder):
        try:
            found.append(re.sub(r"[0-9]+", "#", os.readlink(os.path.join(folder, fd))))
        except FileNotFoundError:  # closed meanwhile
            continue
    return found


def _text(pid, maps):
    """{mapping: bytes} of the machine code that comes from files."""
    found = {}
    with open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for m in maps:
            if "x" in m.perms and "w" not in m.perms and m.path.startswith("/") \
                    and not MOVING.match(m.path):  # memfd: what a JIT has written
                mem.seek(m.start)
                found[m.line] = _read(mem, m.end - m.start)
    return found


def _read(mem, size):
    data = b""
    parts = []
    while size:
        try:
            data = mem.read(min(size, 1 << 24))
        except OSError:  # behind the end of the file
            break
        if not data:
            break
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def take(pids, with_text=True):
    """{pid: Process} of those that run."""
    found = {}
    for pid in pids:
        try:
            found[pid] = Process(pid, with_text)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def changed_places(before, now):
    """[(offset, length)] of the runs of bytes that differ; code of the same mapping."""
    places = []
    for block in range(0, len(before), BLOCK):
        a, b = before[block:block + BLOCK], now[block:block + BLOCK]
        if a == b:
            continue
        for i in range(len(a)):
            if i >= len(b) or a[i] != b[i]:
                if places and places[-1][0] + places[-1][1] == block + i:
                    places[-1] = (places[-1][0], places[-1][1] + 1)
                else:
                    places.append((block + i, 1))
    return places


class Place:
    """Where code differs."""

    def __init__(self, mapping, offset, size):
        self.mapping, self.offset, self.size = mapping, offset, size

    def __str__(self):
        words = self.mapping.split()
        return "%d bytes at %x of %s" % (self.size, self.offset + int(words[2], 16), words[-1])


def probes(before, during):
    """Places of all that is other in the code while redeye is there."""
    return [Place(line, *place) for pid, one in before.items() if pid in during
            for line, text in one.text.items()
            for place in changed_places(text, during[pid].text.get(line, b""))]


def same(before, after, what):
    """Whether what(process) is the same for each process of `before` that still runs."""
    return all(what(one) == what(after[pid]) for pid, one in before.items() if pid in after)


def changed(before, after, what):
    """Lines of what(process) that only one of the two has: "-" the first, "+" the second."""
    pairs = [(set(what(one)), set(what(after[pid]))) for pid, one in before.items() if pid in after]
    return sorted(sign + line for old, new in pairs
                  for sign, lines in (("-", old - new), ("+", new - old)) for line in lines)


def opened(before, after):
    """{what it is: how many more descriptors of it}"""
    count = [collections.Counter(name for one in processes.values() for name in one.open)
             for processes in (before, after)]
    return dict(count[1] - count[0])


def total(processes, field):
    return sum(getattr(one, field) for one in processes.values())
