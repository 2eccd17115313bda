# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A real kube-apiserver with its etcd, as tests/k8s/deps built them, on addresses of its own.

There is no scheduler, no kubelet and no controller: pods are created with the name of their
node, and their status is what a kubelet would have written. redeye reaches the server through
a proxy that the tests can cut.
"""

import base64
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request

from lib import Failure, Proc, Skip, check, free_port, settings, wait_for

BIN = os.path.join(settings.root, "build/k8s/bin")
ADMIN = "the-tests-own-token"


class Cut:
    """A TCP proxy, while it is open."""

    def __init__(self, port):
        self.to, self.pairs, self.lock = port, [], threading.Lock()
        self.socket, self.port = None, 0
        self.open()

    def open(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", self.port))
        self.port = self.socket.getsockname()[1]
        self.socket.listen(16)
        threading.Thread(target=self.serve, args=(self.socket,), daemon=True).start()

    def serve(self, listener):
        while True:
            try:
                a, _ = listener.accept()
            except OSError:
                return
            try:
                b = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                a.close()
                continue
            with self.lock:
                self.pairs += [a, b]
            for x, y in ((a, b), (b, a)):
                threading.Thread(target=self.copy, args=(x, y), daemon=True).start()

    @staticmethod
    def copy(x, y):
        try:
            while True:
                data = x.recv(65536)
                if not data:
                    break
                y.sendall(data)
        except OSError:
            pass
        for s in (x, y):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def drop(self):
        """Ends what is connected."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for s in pairs:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.drop()


class RealApi:
    def __init__(self, folder, certificates):
        for name in ("etcd", "kube-apiserver"):
            if not os.access(os.path.join(BIN, name), os.X_OK):
                raise Skip(self.why(name))
        self.folder, self.certificates = folder, certificates
        self.context = ssl.create_default_context(cafile=os.path.join(certificates, "ca.pem"))
        self.etcd_port, peer, self.port = free_port(), free_port(), free_port()
        self.processes = []
        self.server = None
        subprocess.run(["openssl", "genrsa", "-out", os.path.join(folder, "accounts.key"), "2048"],
                       check=True, stderr=subprocess.DEVNULL)
        with open(os.path.join(folder, "tokens.csv"), "w") as f:
            f.write('%s,tests,tests,"system:masters"\n' % ADMIN)
        self.etcd_url = "http://127.0.0.1:%d" % self.etcd_port
        peer_url = "http://127.0.0.1:%d" % peer
        self.start([os.path.join(BIN, "etcd"), "--name", "e", "--data-dir",
                    os.path.join(folder, "etcd"), "--log-level", "error", "--unsafe-no-fsync",
                    "--listen-client-urls", self.etcd_url, "--advertise-client-urls",
                    self.etcd_url, "--listen-peer-urls", peer_url,
                    "--initial-advertise-peer-urls", peer_url,
                    "--initial-cluster", "e=" + peer_url])
        self.start_server()
        self.proxy = Cut(self.port)

    @staticmethod
    def why(name):
        try:
            with open(os.path.join(BIN, "..", name + ".why")) as f:
                return f.read().strip()
        except OSError:
            return "not built %s: tests/k8s/deps does" % name

    def start(self, argv):
        p = Proc(argv, os.path.join(self.folder, os.path.basename(argv[0]) + ".log"))
        self.processes.append(p)
        return p

    def start_server(self):
        key = os.path.join(self.folder, "accounts.key")
        self.server = self.start([
            os.path.join(BIN, "kube-apiserver"), "--etcd-servers", self.etcd_url,
            "--bind-address", "127.0.0.1", "--secure-port", str(self.port),
            "--tls-cert-file", os.path.join(self.certificates, "server.pem"),
            "--tls-private-key-file", os.path.join(self.certificates, "server.key"),
            "--token-auth-file", os.path.join(self.folder, "tokens.csv"),
            "--service-account-key-file", key, "--service-account-signing-key-file", key,
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-cluster-ip-range", "10.96.0.0/16", "--authorization-mode", "RBAC",
            "--disable-admission-plugins", "ServiceAccount", "--v", "0"])
        wait_for("kube-apiserver to be ready", self.is_ready, 120)

    def is_ready(self):
        for p in self.processes:
            check(p.alive(), "%s ended: %s" % (p.name, p.output()[-1500:]))
        try:
            return self.call("GET", "/readyz", raw=True) == b"ok"
        except (OSError, Failure):
            return False  # not yet

    def stop_server(self):
        self.processes.remove(self.server)
        self.server.signal(signal.SIGKILL)
        self.server.stop()

    def close(self):
        for p in reversed(self.processes):
            p.signal(signal.SIGKILL)
            p.stop()
        if hasattr(self, "proxy"):
            self.proxy.close()

    @property
    def url(self):
        return "https://127.0.0.1:%d" % self.proxy.port

    # ---- the API, as its administrator

    def call(self, method, path, body=None, raw=False, kind="application/json"):
        request = urllib.request.Request(
            "https://127.0.0.1:%d%s" % (self.port, path), method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": "Bearer " + ADMIN, "Content-Type": kind})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=self.context))
        try:
            with opener.open(request, timeout=20) as answer:
                data = answer.read()
        except urllib.error.HTTPError as e:
            raise Failure("%s %s: %s %s" % (method, path, e.code, e.read()[:500]))
        return data if raw else json.loads(data)

    def namespace(self, name):
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    def account(self, namespace, name, rules):
        """A service account with these rights in the whole cluster."""
        rbac = "/apis/rbac.authorization.k8s.io/v1/"
        self.call("POST", "/api/v1/namespaces/%s/serviceaccounts" % namespace,
                  {"metadata": {"name": name}})
        self.call("POST", rbac + "clusterroles", {"metadata": {"name": name}, "rules": rules})
        self.call("POST", rbac + "clusterrolebindings", {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                        "name": name},
            "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": name}]})

    def token(self, namespace, name, pod):
        """A token that is valid as long as this pod exists."""
        answer = self.call("POST", "/api/v1/namespaces/%s/serviceaccounts/%s/token" %
                           (namespace, name), {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"expirationSeconds": 600, "boundObjectRef": {
                "kind": "Pod", "apiVersion": "v1", "name": pod["metadata"]["name"],
                "uid": pod["metadata"]["uid"]}}})
        return answer["status"]["token"]

    def create(self, name, node="here", namespace="shop", status=None, spec=None, **metadata):
        base = "/api/v1/namespaces/%s/pods" % namespace
        made = self.call("POST", base, {
            "metadata": {"name": name, **metadata},
            "spec": {"nodeName": node, "automountServiceAccountToken": False,
                     "containers": [{"name": "web", "image": "registry:5000/team/web:1.2"}],
                     **(spec or {})}})
        if status:
            made = self.call("PATCH", "%s/%s/status" % (base, name), {"status": status},
                             kind="application/merge-patch+json")
        return made

    def create_many(self, namespace, nodes):
        """A pod on each of these nodes, on a connection that is kept."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context,
                                                 timeout=60)
        for n, node in enumerate(nodes):
            body = json.dumps({
                "metadata": {"name": "many-%d" % n, "labels": {"app": "many", "n": str(n)}},
                "spec": {"nodeName": node, "automountServiceAccountToken": False,
                         "containers": [{"name": "web", "image": "web:%d" % n}]}})
            connection.request("POST", "/api/v1/namespaces/%s/pods" % namespace, body,
                               {"Authorization": "Bearer " + ADMIN,
                                "Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            check(answer.status == 201, "POST: %d %s" % (answer.status, text[:300]))
        connection.close()

    def label(self, pod, **labels):
        return self.call("PATCH", "/api/v1/namespaces/%s/pods/%s" % (
            pod["metadata"]["namespace"], pod["metadata"]["name"]),
            {"metadata": {"labels": labels}}, kind="application/merge-patch+json")

    def delete(self, pod):
        self.call("DELETE", "/api/v1/namespaces/%s/pods/%s?gracePeriodSeconds=0" % (
            pod["metadata"]["namespace"], pod["metadata"]["name"]))

    def compact(self):
        """etcd forgets what was."""
        def etcd(path, body):
            request = urllib.request.Request(self.etcd_url + path, json.dumps(body).encode())
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(request, timeout=20) as answer:
                return json.loads(answer.read())

        key = base64.b64encode(b"/").decode()
        revision = etcd("/v3/kv/range", {"key": key})["header"]["revision"]
        etcd("/v3/kv/compaction", {"revision": revision, "physical": True})
