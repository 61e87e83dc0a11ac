# SPDX-License-Identifier: MIT
"""The engine's test server, and raw sockets to talk to it. Standard library only."""

import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BUILD = pathlib.Path(os.environ.get("LATCHKEY_BUILD", "build/release")).resolve()

# Nothing takes nearly as long; who waits longer waits for ever.
PATIENCE_S = 30

HELLO = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"


def get(path, *lines):
    head = f"GET {path} HTTP/1.1\r\nHost: a\r\n" + "".join(line + "\r\n" for line in lines)
    return head.encode() + b"\r\n"


def post(path, body, *lines):
    lines = [f"Content-Length: {len(body)}", *lines]
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\n" + "".join(line + "\r\n" for line in lines)
    return head.encode() + b"\r\n" + body


class Answer:
    def __init__(self, head):
        lines = head.decode("ascii").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1", lines[0]
        self.status = int(status)
        self.headers = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            assert name not in self.headers, name
            self.headers[name] = value
        self.body = b""

    @property
    def closes(self):
        return self.headers.get("Connection") == "close"

    @property
    def text(self):
        return self.body.decode()


class Client:
    """A connection that reads answers one by one and never reads ahead of what it is asked for."""

    def __init__(self, port, host="127.0.0.1", source=None, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.socket.settimeout(PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((host, port))
        self.rest = bytearray()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def end(self):
        """Sends no more, but still reads."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def more(self):
        """False at the end of the stream, be it a reset."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        self.rest += data
        return data != b""

    def answer(self, is_to_head=False):
        """The next answer; None at the end of the stream."""
        while (end := self.rest.find(b"\r\n\r\n")) < 0:
            if not self.more():
                assert self.rest == b"", self.rest
                return None
        answer = Answer(self.take(end + 4)[:-4])
        n = 0 if is_to_head else int(answer.headers.get("Content-Length", 0))
        while len(self.rest) < n:
            if not self.more():
                raise ConnectionError("the body ends early")
        answer.body = self.take(n)
        return answer

    def take(self, n):
        taken = bytes(self.rest[:n])
        del self.rest[:n]
        return taken

    def ask(self, request):
        return self.send(request).answer()

    def is_at_end(self):
        """Waits for the end of the stream; False if anything else comes."""
        return self.rest == b"" and not self.more()

    def close(self):
        self.socket.close()


class Server:
    def __init__(self, *options):
        self.log = tempfile.NamedTemporaryFile("w+")
        self.process = subprocess.Popen(
            [BUILD / "tests" / "echo_server", *options],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        self.ports = [int(port) for port in self.wait_for("ready").split()[1:]]
        self.port = self.ports[0]

    def text(self):
        return pathlib.Path(self.log.name).read_text()

    def wait_for(self, word):
        """The line that begins with the word."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            lines = [line for line in self.text().split("\n")[:-1] if line.startswith(word)]
            if lines:
                return lines[0]
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"no {word!r} from the server:\n{self.text()}")
            time.sleep(0.01)

    def stop(self, how=signal.SIGTERM):
        """Returns the exit code; what a sanitizer has found is in it."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=PATIENCE_S)


class EngineTest(unittest.TestCase):
    """A server for each test, which must end without complaint."""

    options = ("-l", "2")

    def setUp(self):
        self.clients = []
        self.n_counts = 0
        self.server = Server(*self.options)
        self.addCleanup(self.end)

    def end(self):
        for client in self.clients:
            client.close()
        code = self.server.stop(signal.SIGINT)
        self.assertEqual(code, 0, self.server.text())

    def client(self, **how):
        client = Client(self.server.port, **how)
        self.clients.append(client)
        return client

    def count(self):
        """The server's counters, asked for on a connection of its own; `answered` is what others
        were answered."""
        client = self.client()
        lines = client.ask(get("/count")).text.splitlines()
        client.close()
        counters = {name: int(number) for name, number in (line.split() for line in lines)}
        counters["answered"] = counters["class_2"] - self.n_counts
        self.n_counts += 1
        return counters

    def wait_until(self, condition):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it did not come to pass")
            time.sleep(0.01)
