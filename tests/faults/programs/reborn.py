#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Starts a program with a process number of its choice.

reborn.py PID COMMAND...     says BORN PID; ends with its child, and ends it with SIGTERM.
"""

import ctypes
import os
import signal
import sys

NR_CLONE3 = 435


class CloneArgs(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in (
        "flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls",
        "set_tid", "set_tid_size", "cgroup")]


def clone(pid):
    """As os.fork(), but for the number."""
    libc = ctypes.PyDLL(None, use_errno=True)  # one that keeps the interpreter's lock
    wanted = (ctypes.c_int32 * 1)(pid)
    args = CloneArgs(exit_signal=signal.SIGCHLD, set_tid=ctypes.addressof(wanted), set_tid_size=1)
    got = libc.syscall(NR_CLONE3, ctypes.byref(args), ctypes.sizeof(args))
    if got < 0:
        code = ctypes.get_errno()
        sys.exit("clone3: %s" % os.strerror(code))
    return got


def main():
    child = clone(int(sys.argv[1]))
    if not child:
        os.execvp(sys.argv[2], sys.argv[2:])
    signal.signal(signal.SIGTERM, lambda *unused: os.kill(child, signal.SIGKILL))
    print("BORN", child, flush=True)
    os.waitpid(child, 0)


main()
