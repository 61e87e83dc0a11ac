# SPDX-License-Identifier: MIT
"""Listeners survive their peers. On ipc peers connect and close; on tcp they send FIN and then RST,
or reset in the midst of the handshake; and one after the other announces every length that is
known to be dangerous. Meanwhile established clients call without a pause and must not notice; after
each storm a new client must be answered within a second.

    LATCHKEY_BUILD=<directory of the programs> listener.py [peers of each kind]
"""

import os
import pathlib
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "rpc"))
from harness import Daemon  # noqa: E402
from stranger import Connection  # noqa: E402

GREETING = bytes.fromhex("0053500000300000")
LENGTHS = [0, 1, 3, 65536, 65537, 2**31, 2**32, 2**63, 2**64 - 33, 2**64 - 32, 2**64 - 1]
# HealthService.Check as PROTOCOL.md has it: version, lane, one call, no credential; method 1.
CHECK = struct.pack(">BBHH", 1, 1, 1, 0) + struct.pack(">HIIHHI", 1, 7, 1000, 0, 0, 0)


def reset(sock):
    """Closes with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def tcp(daemon):
    return socket.create_connection(("127.0.0.1", daemon.port))


def connect_and_close_ipc(daemon):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(daemon.socket))


def fin_then_reset(daemon):
    sock = tcp(daemon)
    sock.shutdown(socket.SHUT_WR)
    reset(sock)


def reset_in_the_handshake(daemon):
    sock = tcp(daemon)
    sock.sendall(GREETING[:4])
    reset(sock)


class Established(threading.Thread):
    """Calls without a pause on one connection; remembers a failure, and the longest call."""

    def __init__(self, url):
        super().__init__()
        self.connection = Connection(url)
        self.calls = 0
        self.longest_s = 0.0
        self.error = None
        self.stop = False

    def run(self):
        try:
            while not self.stop:
                started = time.monotonic()
                self.connection.send(CHECK)
                self.connection.receive()
                self.longest_s = max(self.longest_s, time.monotonic() - started)
                self.calls += 1
                time.sleep(0.002)
        except Exception as error:  # whatever it was, the client noticed
            self.error = error


def connect(url):
    """Waits while the queue of the listening socket is full, for ten seconds at most."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return Connection(url)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def answer_time(url):
    """Seconds until a new client has its answer."""
    started = time.monotonic()
    connection = connect(url)
    connection.send(CHECK)
    connection.receive()
    connection.socket.close()
    return time.monotonic() - started


def storm(daemon, name, peer, n):
    for _ in range(n):
        try:
            peer(daemon)
        except ConnectionError:
            pass
    seconds = max(answer_time(daemon.operator), answer_time(daemon.tcp))
    print(f"{n} x {name}: answered {seconds * 1000:.0f} ms later")
    return seconds < 1


def announce(daemon, length):
    """A message of this length, and 64 bytes of it, on both listeners."""
    for is_ipc in [False, True]:
        sock = socket.socket(socket.AF_UNIX) if is_ipc else tcp(daemon)
        if is_ipc:
            sock.connect(str(daemon.socket))
        sock.sendall(GREETING)
        sock.recv(8)
        try:
            sock.sendall((b"\x01" if is_ipc else b"") + struct.pack(">Q", length) + b"x" * 64)
        except ConnectionError:
            pass
        sock.close()


def main(n):
    daemon = Daemon().start()
    clients = [Established(url) for url in [daemon.operator, daemon.tcp] * 2]
    for client in clients:
        client.start()
    try:
        good = storm(daemon, "connect and close on ipc", connect_and_close_ipc, n)
        good &= storm(daemon, "FIN and RST on tcp", fin_then_reset, n)
        good &= storm(daemon, "reset in the handshake on tcp", reset_in_the_handshake, n)
        for length in LENGTHS:
            good &= storm(daemon, f"length {length}", lambda d: announce(d, length), 1)
        good &= daemon.process.poll() is None
    finally:
        for client in clients:
            client.stop = True
            client.join()
        code = daemon.stop() if daemon.process.poll() is None else daemon.process.returncode
        daemon.clean_up()
    for client in clients:
        good &= client.error is None
        print(
            f"established client: {client.calls} calls, longest {client.longest_s * 1000:.0f} ms,"
            f" error: {client.error}"
        )
    return good and code == 0


if __name__ == "__main__":
    sys.exit(0 if main(int(sys.argv[1]) if len(sys.argv) > 1 else 300) else 1)
