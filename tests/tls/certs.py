# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A CA, a server and a client certificate, made anew for each run."""

import os

from lib import run

NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"


def _issue(folder, name, *extensions):
    """NAME.pem: key and certificate in one file, signed by the CA."""
    key, pem = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".pem")
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=" + name,
            "-keyout", key, "-out", pem]
    for extension in extensions:
        argv += ["-addext", extension]
    if name != "ca":
        argv += ["-CA", os.path.join(folder, "ca.pem"), "-CAkey", os.path.join(folder, "ca.key")]
    run(argv)
    with open(pem, "ab") as to, open(key, "rb") as f:
        if name != "ca":
            to.write(f.read())


def make(folder):
    """Every user may read them: servers change theirs."""
    os.makedirs(folder)
    os.chmod(folder, 0o755)
    _issue(folder, "ca")
    _issue(folder, "server", "basicConstraints=CA:FALSE", NAMES)
    _issue(folder, "client", "basicConstraints=CA:FALSE", "extendedKeyUsage=clientAuth")
    for name in os.listdir(folder):
        os.chmod(os.path.join(folder, name), 0o644)
    os.environ["TLS_CERTS"] = folder
    os.environ["NODE_EXTRA_CA_CERTS"] = os.path.join(folder, "ca.pem")
    return folder
