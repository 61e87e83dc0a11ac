# SPDX-License-Identifier: MIT
"""A crowd: 2,000 clients connect at once and every one is answered; then 4,000 connections stay
idle, and a new client is answered within a second. The clients come from many loopback addresses,
since one address may have 64 connections.

    LATCHKEY_BUILD=<directory of the programs> crowd.py
"""

import resource
import socket
import struct
import sys
import time

from listener import CHECK, GREETING, Daemon, answer_time

AT_ONCE = 2000
IDLE = 4000


def new_socket(number):
    sock = socket.socket()
    sock.bind((f"127.0.1.{1 + number // 50}", 0))
    sock.settimeout(10)
    return sock


def call(sock):
    """A whole call on a connection that has not been greeted; raises unless it is answered."""
    payload = struct.pack(">I", 0x80000001) + CHECK
    sock.sendall(GREETING)
    if len(sock.recv(8)) != 8:
        raise ConnectionError("no greeting")
    sock.sendall(struct.pack(">Q", len(payload)) + payload)
    if not sock.recv(4096):
        raise ConnectionError("no answer")


def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    daemon = Daemon().start()
    try:
        crowd = [new_socket(i) for i in range(AT_ONCE)]
        started = time.monotonic()
        for sock in crowd:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", daemon.port))
        issued = time.monotonic() - started
        for sock in crowd:
            sock.settimeout(10)
            sock.connect_ex(("127.0.0.1", daemon.port))
            call(sock)
        seconds = time.monotonic() - started
        print(f"{AT_ONCE} connects within {issued * 1000:.0f} ms: all answered in {seconds:.2f} s")
        for i in range(AT_ONCE, IDLE):
            sock = new_socket(i)
            sock.connect(("127.0.0.1", daemon.port))
            call(sock)
            crowd.append(sock)
        new_client = answer_time(daemon.operator)
        print(f"{len(crowd)} idle connections: a new client answered in {new_client * 1000:.1f} ms")
        return seconds < 3 and new_client < 1 and daemon.stop() == 0
    finally:
        daemon.clean_up()


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
