#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Becomes the first process of a container, as a container runtime would make it of a pod's spec.

    unshare --mount --net --uts --ipc --cgroup --propagation private pod.py SPEC.json

SPEC: root (an empty folder), image {path in it: path here}, mounts [{path, kind: bind or tmpfs,
source, readonly}], capabilities (numbers, or null: all), no_new_privs, seccomp (a profile as
of the OCI, or null), hostname, address, argv, env. Process numbers are the host's: hostPID.
Debian's python3, because libseccomp's module is its own.
"""

import ctypes
import json
import os
import subprocess
import sys

PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 23, 24, 38
libc = ctypes.CDLL(None, use_errno=True)


def must(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), "%s: %s" % (what, os.strerror(ctypes.get_errno())))


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def target(root, path, is_folder=True):
    path = root + path
    os.makedirs(path if is_folder else os.path.dirname(path), exist_ok=True)
    if not is_folder and not os.path.exists(path):
        open(path, "w").close()
    return path


def bind(root, source, path, readonly):
    place = target(root, path, os.path.isdir(source))
    mount("--bind", source, place)
    if readonly:
        mount("-o", "remount,bind,ro", place)


def make_root(spec):
    root = spec["root"]
    if not os.path.exists("/sys/kernel/tracing/README"):  # as any host's init does
        mount("-t", "tracefs", "tracefs", "/sys/kernel/tracing")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", root)
    for path, source in spec["image"].items():
        bind(root, source, path, True)
    mount("-t", "proc", "proc", target(root, "/proc"))
    bind(root, root + "/proc/sys", "/proc/sys", True)
    mount("-t", "sysfs", "-o", "ro", "sysfs", target(root, "/sys"))
    for device in ("null", "zero", "random", "urandom"):
        bind(root, "/dev/" + device, "/dev/" + device, False)
    for m in spec["mounts"]:
        if m["kind"] == "tmpfs":
            mount("-t", "tmpfs", "-o", "mode=777", "tmpfs", target(root, m["path"]))
        else:
            bind(root, m["source"], m["path"], m["readonly"])
    mount("-o", "remount,ro", root)


def make_network(spec):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", spec["address"] + "/32", "dev", "lo"], check=True)


def make_filter(profile):
    import seccomp
    actions = {"SCMP_ACT_ALLOW": seccomp.ALLOW, "SCMP_ACT_LOG": seccomp.LOG}
    ops = {"SCMP_CMP_EQ": seccomp.EQ, "SCMP_CMP_NE": seccomp.NE, "SCMP_CMP_LT": seccomp.LT,
           "SCMP_CMP_LE": seccomp.LE, "SCMP_CMP_GT": seccomp.GT, "SCMP_CMP_GE": seccomp.GE}
    def action(name, errno):
        return seccomp.ERRNO(errno or 1) if name == "SCMP_ACT_ERRNO" else actions[name]
    def argument(a):
        if a["op"] == "SCMP_CMP_MASKED_EQ":
            return seccomp.Arg(a["index"], seccomp.MASKED_EQ, a["value"], a.get("valueTwo", 0))
        return seccomp.Arg(a["index"], ops[a["op"]], a["value"])
    made = seccomp.SyscallFilter(action(profile["defaultAction"], profile.get("defaultErrnoRet")))
    for rule in profile["syscalls"]:
        for name in rule["names"]:
            try:
                made.add_rule(action(rule["action"], rule.get("errnoRet")), name,
                              *(argument(a) for a in rule.get("args") or []))
            except (RuntimeError, OSError, ValueError):  # runtimes, too, leave out what
                if name in ("bpf", "perf_event_open", "execve"):  # libseccomp does not know
                    raise
    return made


def keep(capabilities):
    last = next(n for n in range(64) if libc.prctl(PR_CAPBSET_READ, n + 1, 0, 0, 0) < 0)
    for n in range(last + 1):
        if n not in capabilities and libc.prctl(PR_CAPBSET_READ, n, 0, 0, 0) == 1:
            must(libc.prctl(PR_CAPBSET_DROP, n, 0, 0, 0), "drop capability %d" % n)
    have = [n for n in capabilities if libc.prctl(PR_CAPBSET_READ, n, 0, 0, 0) == 1]
    words = [sum(1 << n % 32 for n in have if n // 32 == w) for w in (0, 1)]
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)(words[0], words[0], 0, words[1], words[1], 0)
    must(libc.capset(header, data), "capset")


def main(path):
    with open(path, encoding="utf-8") as f:
        spec = json.load(f)
    made = make_filter(spec["seccomp"]) if spec["seccomp"] else None
    make_network(spec)
    make_root(spec)
    must(libc.sethostname(spec["hostname"].encode(), len(spec["hostname"])), "sethostname")
    os.chroot(spec["root"])
    os.chdir("/")
    if spec["capabilities"] is not None:
        keep(spec["capabilities"])
    if spec["no_new_privs"]:
        must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    if made:
        made.load()
    os.execve(spec["argv"][0], spec["argv"], spec["env"])


if __name__ == "__main__":
    main(sys.argv[1])
