# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Frames of HTTP/2."""
import struct

FRAME = struct.Struct(">HBBBI")  # the length's 16 high bits, its low byte, type, flags, stream
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return FRAME.pack(len(payload) >> 8, len(payload) & 255, kind, flags, stream) + payload
