# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A client of one connection that decides about each frame: on the h2 package, in this process."""

import glob
import os
import socket
import ssl
import sys

from kinds import out
from lib import Skip, check, settings

sys.path += glob.glob(out("venv", "lib", "python3*", "site-packages"))
try:
    import h2.config
    import h2.connection
    import h2.events
    import h2.settings
except ImportError:
    h2 = None
else:  # a client reads on after GOAWAY: what the server had begun it ends
    _state = h2.connection.ConnectionState.CLIENT_OPEN
    h2.connection.H2ConnectionStateMachine._transitions[
        _state, h2.connection.ConnectionInputs.RECV_GOAWAY] = (None, _state)


class Stream:
    def __init__(self):
        self.headers = {}   # of the answer; and its trailers
        self.trailers = {}
        self.interim = []   # 1xx
        self.body = b""
        self.ended = False
        self.reset = None   # the error code

    @property
    def status(self):
        return int(self.headers.get(":status", 0))


class Conn:
    def __init__(self, srv, timeout=20, window=None):
        if h2 is None:
            raise Skip("the Python package h2 is missing: tests/h2/deps")
        self.sock = socket.create_connection(srv.address, timeout * settings.slow)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if srv.tls:
            self._secure()
        self.authority, self.scheme = "127.0.0.1:%d" % srv.port, srv.scheme
        config = h2.config.H2Configuration(header_encoding="utf-8", validate_inbound_headers=False,
                                           validate_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.max_inbound_frame_size = 16384
        if window:
            self.h2.local_settings = h2.settings.Settings(client=True, initial_values={
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.window = window
        self.streams, self.pushed, self.goaway = {}, {}, None
        self.h2.initiate_connection()
        self.flush()

    def _secure(self):
        ctx = ssl.create_default_context(cafile=os.path.join(os.environ["TLS_CERTS"], "ca.pem"))
        ctx.set_alpn_protocols(["h2"])
        self.sock = ctx.wrap_socket(self.sock, server_hostname="127.0.0.1")
        check(self.sock.selected_alpn_protocol() == "h2", "the server does not speak HTTP/2")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.sock.close()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.sock.sendall(data)

    def send(self, method, path, headers=(), body=None, **kw):
        """A request, whole in one write when it has no body that waits for a window."""
        stream = self.h2.get_next_available_stream_id()
        first = [(":method", method), (":scheme", self.scheme), (":authority", self.authority),
                 (":path", path)]
        self.open(first + list(headers), end=body is None, **kw)
        if body is not None:
            self.data(stream, body, end=True)
        return stream

    def open(self, fields, end=False, **kw):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, fields, end_stream=end, **kw)
        self.streams[stream] = Stream()
        self.flush()
        return stream

    def data(self, stream, body, end=False):
        while True:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            part, body = body[:room], body[room:]
            self.h2.send_data(stream, part, end_stream=end and not body)
            self.flush()
            if not body:
                return
            while not self.h2.local_flow_control_window(stream):
                self.turn()

    def reset(self, stream, code=8):
        self.h2.reset_stream(stream, code)
        self.flush()

    def turn(self, most=65536):
        """Reads once, and takes what came."""
        data = self.sock.recv(most)
        check(data, "the server closed the connection")
        for event in self.h2.receive_data(data):
            self._take(event)
        self.flush()

    def _take(self, event):
        one = self.streams.setdefault(getattr(event, "stream_id", 0), Stream())
        if isinstance(event, h2.events.InformationalResponseReceived):
            one.interim.append(int(dict(event.headers)[":status"]))
        elif isinstance(event, h2.events.ResponseReceived):
            one.headers = dict(event.headers)
        elif isinstance(event, h2.events.TrailersReceived):
            one.trailers = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            one.body += event.data
            if event.flow_controlled_length and not self.window:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            one.ended = True
        elif isinstance(event, h2.events.StreamReset):
            one.reset, one.ended = int(event.error_code), True
        elif isinstance(event, h2.events.PushedStreamReceived):
            self.pushed[event.pushed_stream_id] = dict(event.headers)[":path"]
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.last_stream_id

    def until(self, condition):
        while not condition():
            self.turn()

    def wait(self, *streams):
        """Until these have ended; returns them."""
        self.until(lambda: all(self.streams[s].ended for s in streams))
        return [self.streams[s] for s in streams]

    def request(self, method, path, status=200, **kw):
        answer, = self.wait(self.send(method, path, **kw))
        check(answer.status == status and answer.reset is None, "%s %s: %d, reset %s, want %d" %
              (method, path, answer.status, answer.reset, status))
        return answer
