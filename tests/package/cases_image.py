# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The image of deploy/Dockerfile, built without a registry and run without a container runtime."""

import json
import os
import re
import subprocess

import debian
import harness
import prom
from harness import Agent, Server, case
from lib import Skip, check, need_programs, prime, settings

IMAGE = os.path.join(harness.OUT, "image")
LIMIT = 40 * (1 << 20)


def image():
    """(folder, configuration); built by the first case that wants it."""
    if image.made:
        if not os.path.exists(IMAGE + ".json"):
            raise Skip("no image was built yet: run this without --built first")
    else:
        need_programs("buildah")
        tree = debian.tree("bookworm")
        done = subprocess.run([os.path.join(harness.HERE, "image"), tree, IMAGE],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=1800)
        check(done.returncode == 0, "tests/package/image: " + done.stdout[-800:])
        image.made = True
    with open(IMAGE + ".json") as f:
        return IMAGE, json.load(f)["Docker"]["config"]


image.made = False


def size_of(folder):
    return sum(os.lstat(os.path.join(d, n)).st_size for d, _, names in os.walk(folder) for n in names)


@case
def image_builds(t):
    folder, config = image()
    size = size_of(folder)
    check(size <= LIMIT, "%d bytes" % size)
    check(config["User"] == "65532:65532", "it runs as %r" % config["User"])
    check(config["Entrypoint"] == ["/usr/bin/redeye"], "%s" % config["Entrypoint"])
    labels = config["Labels"]
    for name in ("title", "version", "revision", "licenses", "base.name"):
        check(labels.get("org.opencontainers.image." + name), "no label %s" % name)
    return "%.1f MB in all" % (size / 1e6)


@case
def image_has_nothing_else(t):
    """No shell, nothing set-user-ID, and a package's record for each library."""
    folder, _ = image()
    programs, owned = [], set()
    for d, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(d, name)
            mode = os.lstat(path).st_mode
            check(not mode & 0o6000, "%s is set-user-ID" % path)
            if d.endswith("/bin") or d.endswith("/sbin"):
                programs.append(os.path.relpath(path, folder))
    check(programs == ["usr/bin/redeye"], "programs: %s" % programs)
    records = os.listdir(os.path.join(folder, "var/lib/dpkg/status.d"))
    for name in records:
        with open(os.path.join(folder, "var/lib/dpkg/status.d", name)) as f:
            text = f.read()
        check(re.search(r"^Package: ", text, re.M) and re.search(r"^Version: ", text, re.M),
              "the record of %s" % name)
        owned.add(name)
    for package in ("libc6", "libbpf1", "libcurl3-gnutls", "libseccomp2", "ca-certificates"):
        check(package in owned, "no record of %s" % package)


@case
def image_can_send(t):
    """libcurl, certificates and terminals are there: what is loaded only when it is used."""
    folder, _ = image()
    # It takes no /proc to ask another redeye, and libcurl is loaded before that is looked for.
    out = subprocess.run(["chroot", folder, "/usr/bin/redeye", "top", "--once", "--socket", "/none"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, timeout=60 * settings.slow)
    check("cannot connect to /none" in out.stdout, out.stdout)
    check(os.path.getsize(os.path.join(folder, "etc/ssl/certs/ca-certificates.crt")) > 100000,
          "no certificates")
    check(os.path.exists(os.path.join(folder, "lib/terminfo/x/xterm-256color")), "no terminals")


def need_file_capabilities(path):
    """A guest sees this machine's files by 9p, which has no such attributes: there it gets a new
    file, with those that image-files gives it."""
    try:
        os.getxattr(path, "security.capability")
    except OSError:
        check(harness.lib.VM or settings.slow > 1, "%s has no capabilities" % path)
        need_programs("setcap")
        with open(os.path.join(settings.root, "deploy/image-files")) as f:
            caps = re.search(r"^setcap (\S+)", f.read(), re.M).group(1)
        harness.lib.run(["cp", path, path + ".new"])
        os.replace(path + ".new", path)
        done = subprocess.run(["setcap", caps, path], stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise Skip("this file system keeps no capabilities of files: " + done.stderr.strip())


@case
def image_watches(t):
    """As user 65532, with the capabilities of the Dockerfile's command line, on a read-only root."""
    need_programs("unshare", "capsh")
    given = harness.given()  # the command line in the Dockerfile
    folder, config = image()
    need_file_capabilities(os.path.join(folder, "usr/bin/redeye"))
    server = Server(t, "server")
    tls = Server(t, "tls", tls=True)
    n, m = prime(101), prime(53)
    mounts = ("mount --bind \"$0\" \"$0\" && mount --rbind /proc \"$0/proc\" && "
              "mount --rbind /sys \"$0/sys\" && mount -o remount,bind,ro \"$0\" && "
              "mount -t tmpfs -o mode=755,uid=65532 none \"$0/run/redeye\" && exec \"$@\"")
    for name in ("proc", "sys"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    drop = ",".join("cap_" + c for c in harness.CAPS if c not in given and c != "setpcap")
    # capsh takes capabilities out of the bounding set, then changes root and user, then starts it.
    start = ["unshare", "-m", "/bin/sh", "-c", mounts, folder,
             "capsh", "--drop=" + drop, "--chroot=" + folder, "--gid=65532", "--uid=65532",
             "--shell=/usr/bin/redeye", "--", "run"]
    check(config["Cmd"] == ["run"], "another command")
    agent = Agent.__new__(Agent)
    agent.port = harness.free_port()
    env = dict(REDEYE_SOCKET="/run/redeye/redeye.sock", PATH=os.environ["PATH"])
    agent.proc = harness.Proc(start + ["--listen", "127.0.0.1:%d" % agent.port, "--pid", server.pid,
                                       "--pid", tls.pid], t.path("redeye.log"), env=env)
    t.procs.append(agent.proc)
    agent.pid = agent.proc.pid
    agent.proc.wait_line("redeye: info: ready:")
    st = harness.status(agent.pid)
    check(st["Uid"].split()[0] == "65532", "it is user %s" % st["Uid"])
    check(int(st["CapEff"], 16) & ~harness.mask(given) == 0, "it has %s" % st["CapEff"])
    server.ask(n)
    tls.ask(m)
    agent.expect(prom.server(n, "/hello"), prom.server(m, "/secure"))
    # The image's own health check, as the runtime makes it.
    health = config["Healthcheck"]["Test"]
    check(health[0] == "CMD", "it takes a shell: %s" % health)
    inside = ["nsenter", "-t", agent.pid, "-m", "--root=/proc/%d/root" % agent.pid, *health[1:]]
    out = harness.lib.run(inside, seconds=20, env=env)
    check("server" in out, "the health check says " + out[:200])
    agent.end()
