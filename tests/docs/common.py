# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Files that are written by a program: written, or compared with what it would write."""

import difflib
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def settle(path, want, only_check):
    """Exit status."""
    full = os.path.join(ROOT, path)
    have = read(path) if os.path.exists(full) else ""
    if have == want:
        return 0
    if not only_check:
        with open(full, "w", encoding="utf-8") as f:
            f.write(want)
        print("written: " + path)
        return 0
    sys.stdout.writelines(list(difflib.unified_diff(
        have.splitlines(True), want.splitlines(True), path, "what it should be"))[:40])
    print("%s is not up to date: make docs" % path)
    return 1
