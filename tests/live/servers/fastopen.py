#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server whose clients send their first request with the SYN (TCP Fast Open), or such a client.

fastopen.py server|client CONNECTIONS   in a network namespace of its own, whose settings it changes
Says READY; when its input ends it serves, or asks, and says DONE.

The other end is packets through a TUN device: so a handshake takes as long as on a long way. Its
last step comes when the server has read the request, and before it has answered; its second when
the client has sent the request.
"""

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 0x0001, 0x1000
FIN, SYN, PSH, ACK = 0x01, 0x02, 0x08, 0x10
TCP_FASTOPEN, TCP_SYN_RECV = 23, 3
HERE, THERE, PORT = "10.99.0.1", "10.99.0.2", 8080
WITHOUT_COOKIES = "519"  # clients and servers may; data is sent, and counts, without a cookie
REQUEST = b"GET /hello HTTP/1.1\r\nHost: live\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def device():
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"fast0", IFF_TUN | IFF_NO_PI))
    for words in (["addr", "add", HERE + "/24", "dev", "fast0"], ["link", "set", "fast0", "up"]):
        subprocess.run(["ip"] + words, check=True)
    return tun


class Other:
    """One connection's other end."""

    def __init__(self, tun, port, to):
        self.tun = tun
        self.port = port
        self.to = to
        self.seq = self.ack = 1000 * port

    def send(self, flags, data=b""):
        ends = socket.inet_aton(THERE) + socket.inet_aton(HERE)
        ack = self.ack if flags & ACK else 0
        tcp = [self.port, self.to, self.seq, ack, 5 << 4, flags, 65535, 0, 0]
        form = "!HHIIBBHHH"
        size = struct.calcsize(form) + len(data)
        tcp[7] = checksum(ends + struct.pack("!HH", 6, size) + struct.pack(form, *tcp) + data)
        ip = [0x45, 0, 20 + size, 0, 0, 64, 6, 0]
        ip[7] = checksum(struct.pack("!BBHHHBBH", *ip) + ends)
        os.write(self.tun, struct.pack("!BBHHHBBH", *ip) + ends + struct.pack(form, *tcp) + data)
        self.seq += len(data) + bool(flags & (SYN | FIN))

    def receive(self, flags):
        """Waits for a packet with these flags, and takes what it carries."""
        while True:
            packet = os.read(self.tun, 65536)
            if packet[0] >> 4 != 4 or packet[9] != 6:
                continue
            tcp = packet[(packet[0] & 15) * 4:]
            port, to, seq, _, offset, has = struct.unpack("!HHIIBB", tcp[:14])
            if (to, port) != (self.port, self.to) or has & flags != flags:
                continue
            data = tcp[(offset >> 4) * 4:]
            self.ack = seq + len(data) + bool(has & (SYN | FIN))
            return data


def serve(listener, client):
    client.send(SYN, REQUEST)
    sock, _ = listener.accept()
    data = sock.recv(65536)
    state = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    if data != REQUEST or state != TCP_SYN_RECV:
        sys.exit("the request did not come with the SYN")
    client.receive(SYN | ACK)
    client.send(ACK)
    sock.sendall(ANSWER)
    client.receive(PSH)
    client.send(ACK | PSH, REQUEST)
    if sock.recv(65536) != REQUEST:
        sys.exit("the second request did not come")
    sock.sendall(ANSWER)
    client.receive(PSH)
    client.send(ACK | FIN)
    if sock.recv(65536):
        sys.exit("more came than was sent")
    sock.close()
    client.receive(FIN)
    client.send(ACK)


def ask(sock, server):
    sock.bind((HERE, server.to))
    sock.setblocking(False)
    if sock.sendto(REQUEST, socket.MSG_FASTOPEN, (THERE, PORT)) != len(REQUEST):
        sys.exit("the request did not leave with the SYN")
    if server.receive(SYN) != REQUEST:
        sys.exit("the request did not come with the SYN")
    sock.settimeout(20)
    server.send(SYN | ACK)
    server.receive(ACK)
    server.send(ACK | PSH, ANSWER)
    if sock.recv(65536) != ANSWER:
        sys.exit("the answer did not come")
    sock.sendall(REQUEST)
    while not server.receive(ACK):
        pass
    server.send(ACK | PSH, ANSWER)
    if sock.recv(65536) != ANSWER:
        sys.exit("the second answer did not come")
    sock.close()
    server.receive(FIN)
    server.send(ACK | FIN)


def main():
    with open("/proc/sys/net/ipv4/tcp_fastopen", "w") as f:
        f.write(WITHOUT_COOKIES)
    tun = device()
    listener = socket.socket()
    listener.settimeout(20)
    listener.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 16)
    listener.bind((HERE, PORT))
    listener.listen(16)
    print("READY", flush=True)
    sys.stdin.read()
    for i in range(int(sys.argv[2])):
        if sys.argv[1] == "server":
            serve(listener, Other(tun, 40000 + i, PORT))
        else:
            ask(socket.socket(), Other(tun, PORT, 40000 + i))
    print("DONE", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
