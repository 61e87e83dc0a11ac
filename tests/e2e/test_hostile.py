# SPDX-License-Identifier: MIT
"""What strangers can do to a daemon over its socket: nothing that others would feel."""

import socket
import struct
import unittest

from harness import DaemonTest


def call(method, number, body=b""):
    return struct.pack(">HIIHHI", method, number, 5000, 0, 0, len(body)) + body


def frame(lane, calls):
    return struct.pack(">BBHH", 1, lane, len(calls), 0) + b"".join(calls)


class Stranger:
    """Speaks nng's protocol over tcp, and has no key."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.sendall(b"\0SP\0\0\x30\0\0")
        self.read(8)

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise EOFError("the server hung up")
            data += more
        return data

    def ask(self, frame_bytes):
        message = struct.pack(">I", 0x80000001) + frame_bytes
        self.socket.sendall(struct.pack(">Q", len(message)) + message)
        return self.read(struct.unpack(">Q", self.read(8))[0])

    def close(self):
        self.socket.close()


class Strangers(DaemonTest):
    def test_refused_calls_do_not_fill_the_log(self):
        stranger = Stranger(self.daemon.port)
        self.addCleanup(stranger.close)
        for _ in range(100):
            stranger.ask(frame(1, [call(100, number) for number in range(128)]))
        # 50 a second; the daemon has been up for a few.
        self.assertLess(self.daemon.log.read_text().count("call refused"), 2000)


if __name__ == "__main__":
    unittest.main()
