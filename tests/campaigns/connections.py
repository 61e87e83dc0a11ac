# SPDX-License-Identifier: MIT
"""A crowd before the HTTP engine: idle connections, and slow ones that send a byte of a request a
second, are told 408 and come again. Others are answered as before, whoever is over the limit is
told so at once, and a connection costs what it may cost. The times are judged only when the crowd
is as large as it is meant to be.

    LATCHKEY_BUILD=<directory of the programs> connections.py [idle connections] [slow ones]
"""

import multiprocessing
import os
import pathlib
import re
import resource
import selectors
import socket
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "http"))
from engine import HELLO, Client, Server  # noqa: E402

JUDGED_FROM = 10000
OTHERS = 8
ROUNDS = 5
ROUND_S = 3
TURNS = 50  # of slow ones, in a second
# Of memory that the process has for itself; the kernel's comes on top.
IDLE_MAX_BYTES = 1024
SLOW_MAX_BYTES = 4096
SLACK_BYTES = 1 << 20
ROOM_LEFT = 50


def allow_many_descriptors():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Crowd:
    """Lives in a process of its own, and says how it goes when it is asked to end."""

    def __init__(self, port, slow):
        self.port = port
        self.n_slow = slow
        self.n_opened = 0
        self.told = {}
        self.slow = selectors.EpollSelector()

    def open(self):
        """From many addresses, since each has so many ports only."""
        sock = socket.socket()
        sock.bind((f"127.0.1.{1 + self.n_opened // 100 % 250}", 0))
        sock.connect(("127.0.0.1", self.port))
        self.n_opened += 1
        return sock

    def open_slow(self):
        sock = self.open()
        sock.setblocking(False)
        sock.send(b"GET /hello HTTP/1.1\r\nX: ")
        self.slow.register(sock, selectors.EVENT_READ)

    def hear(self, sock):
        try:
            answer = sock.recv(4096)
        except ConnectionError:
            answer = b""
        status = re.match(rb"HTTP/1.1 (\d+)", answer)
        status = int(status[1]) if status else 0
        self.told[status] = self.told.get(status, 0) + 1
        self.slow.unregister(sock)
        sock.close()
        self.open_slow()

    def dribble(self, turn):
        """A byte from those whose turn it is: so many people do not all send at once."""
        for key in list(self.slow.get_map().values()):
            if key.fd % TURNS != turn:
                continue
            try:
                key.fileobj.send(b"x")
            except OSError:
                pass

    def run(self, idle, pipe):
        # What it takes to be a crowd is not what the crowd costs the server.
        os.nice(10)
        allow_many_descriptors()
        resting = [self.open() for _ in range(idle)]
        for sock in resting:
            sock.sendall(HELLO)
        for sock in resting:
            assert sock.recv(4096).startswith(b"HTTP/1.1 200")
        pipe.send("idle")
        pipe.recv()
        for _ in range(self.n_slow):
            self.open_slow()
        pipe.send("slow")
        next_s = time.monotonic()
        turn = 0
        while not pipe.poll():
            if time.monotonic() >= next_s:
                self.dribble(turn)
                turn = (turn + 1) % TURNS
                next_s += 1 / TURNS
            for key, _ in self.slow.select(0.005):
                self.hear(key.fileobj)
        pipe.send(self.told)


def p99_ms(port):
    """Of a few clients that ask at a leisurely pace, one after the other."""
    clients = [Client(port) for _ in range(OTHERS)]
    times = []
    end = time.monotonic() + ROUND_S
    while time.monotonic() < end:
        for client in clients:
            started = time.monotonic()
            assert client.ask(HELLO).body == b"hello"
            times.append(time.monotonic() - started)
        time.sleep(0.002)
    for client in clients:
        client.close()
    return statistics.quantiles(times, n=100)[98] * 1000


def median_p99_ms(port, rounds):
    return statistics.median(p99_ms(port) for _ in range(rounds))


def resident(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


def turned_away_ms(port):
    """Fills what room there is, and asks beyond it: the longest that one of those waited."""
    inside, waited = [], []
    while len(waited) < ROOM_LEFT:
        started = time.monotonic()
        client = Client(port)
        client.send(HELLO)
        answer = client.answer()
        if answer is not None and answer.status == 200:
            inside.append(client)
            continue
        assert answer is not None and answer.status == 503, answer
        waited.append(time.monotonic() - started)
        client.close()
    for client in inside:
        client.close()
    return max(waited) * 1000


def count(port):
    client = Client(port)
    lines = client.ask(HELLO.replace(b"/hello", b"/count")).text.splitlines()
    client.close()
    return {name: int(number) for name, number in map(str.split, lines)}


def judge(table):
    good = True
    for what, value, sign, bound, counts in table:
        holds = value >= bound if sign == ">=" else value <= bound
        good &= holds or not counts
        verdict = ("holds" if holds else "BROKEN") if counts else "not judged"
        print(f"{what:35} {value:9.2f}  {sign} {bound:<6}  {verdict}")
    return good


def most_open(port):
    """At any moment some slow ones are between two connections; on a busy machine many are."""
    n = 0
    for _ in range(40):
        n = max(n, count(port)["open"])
        time.sleep(0.05)
    return n


def main(idle, slow):
    allow_many_descriptors()
    is_timed = idle >= JUDGED_FROM
    rounds = ROUNDS if is_timed else 1
    room = idle + slow + OTHERS + ROOM_LEFT
    # The idle ones are to stay; the slow ones have five seconds for a head.
    server = Server("-l", "2", "-c", str(room), "-i", "600000")
    ours, theirs = multiprocessing.Pipe()
    crowd = multiprocessing.Process(target=Crowd(server.port, slow).run, args=(idle, theirs))
    p99_ms(server.port)
    quiet = median_p99_ms(server.port, rounds)
    rss_quiet = resident(server)
    crowd.start()
    try:
        assert ours.recv() == "idle"
        rss_idle = resident(server)
        ours.send("go on")
        assert ours.recv() == "slow"
        rss_slow = resident(server)
        crowded = median_p99_ms(server.port, rounds)
        while count(server.port)["class_4"] < slow:
            time.sleep(0.1)
        rss_slow = max(rss_slow, resident(server))
        n_open = most_open(server.port)
        turned_away = turned_away_ms(server.port)
        ours.send("end")
        told = ours.recv()
    finally:
        crowd.kill()
        crowd.join()
    code = server.stop()
    print(f"p99 {quiet:.2f} ms alone, {crowded:.2f} ms in the crowd; slow ones were told {told}")
    return judge([
        ("connections at once", n_open, ">=", idle + slow * 0.9, True),
        ("slow ones told 408", told.get(408, 0), ">=", slow, True),
        ("memory for the idle ones, KiB", (rss_idle - rss_quiet) / 1024, "<=",
         (idle * IDLE_MAX_BYTES + SLACK_BYTES) // 1024, True),
        ("memory for the slow ones, KiB", (rss_slow - rss_idle) / 1024, "<=",
         (slow * SLOW_MAX_BYTES + SLACK_BYTES) // 1024, True),
        ("p99 of others against quiet", crowded / quiet, "<=", 2, is_timed),
        ("turned away after, ms", turned_away, "<=", 50, is_timed),
        ("exit code", code, "<=", 0, True),
    ])


if __name__ == "__main__":
    sys.exit(0 if main(*map(int, sys.argv[1:] or (500, 200))) else 1)
