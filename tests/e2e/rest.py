# SPDX-License-Identifier: MIT
"""HTTP for tests: requests with any headers, their answers, and a latchkey-bridge of one's own."""

import http.client
import json
import signal
import socket
import subprocess
import time

import documented
from harness import BUILD


class Answer:
    """A response: its status, its headers as (name in lower case, value), its body."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = [(name.lower(), value) for name, value in headers]
        self.body = body

    def all(self, name):
        return [value for key, value in self.headers if key == name.lower()]

    def header(self, name):
        """The one value of a header; None without it."""
        values = self.all(name)
        if len(values) > 1:
            raise AssertionError(f"{name} comes {len(values)} times: {values}")
        return values[0] if values else None

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        lines = "".join(f"\n{name}: {value}" for name, value in self.headers)
        return f"{self.status}{lines}\n\n{self.body[:500]!r}"


class Web:
    """Where a server answers. A connection of its own for each request, unless one is handed in;
    headers are pairs, sent as they are and as often as they come. Answers are held to the document
    of a surface."""

    def __init__(self, port, host=None, source=None, surface=None):
        self.port = port
        self.surface = surface
        self.host = host or f"127.0.0.1:{port}"
        self.source = (source, 0) if source else None

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}"

    def connect(self):
        return http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=60, source_address=self.source
        )

    def ask(self, method, path, *headers, body=None, connection=None):
        """`body`: bytes, or what is sent as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            if not any(name.lower() == "content-type" for name, _ in headers):
                headers = (*headers, ("Content-Type", "application/json"))
        wire = connection or self.connect()
        wire.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (("Host", self.host), *headers):
            wire.putheader(name, value)
        if body is not None:
            wire.putheader("Content-Length", str(len(body)))
        wire.endheaders(body)
        response = wire.getresponse()
        answer = Answer(response.status, response.getheaders(), response.read())
        if connection is None:
            wire.close()
        if self.surface is not None:
            documented.check(self.surface, method, path, answer)
        return answer

    def raw(self, request):
        """Sends bytes as they are, and returns all that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as wire:
            wire.sendall(request)
            wire.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: wire.recv(65536), b""))


class Bridge:
    """A latchkey-bridge for a daemon that serves no HTTP itself."""

    def __init__(self, directory, config, server, credential_file=None):
        self.config = directory / "bridge.yaml"
        self.log = directory / "bridge.log"
        self.command = [BUILD / "latchkey-bridge", "--config", self.config, "--server", server]
        if credential_file is not None:
            self.command += ["--credential-file", credential_file]
        self.process = None
        self.config.write_text(config)

    def start(self):
        starts = self.log.read_text().count("latchkey-bridge: ready") if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while self.log.read_text().count("latchkey-bridge: ready") == starts:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("latchkey-bridge did not start:\n" + self.log.read_text())
            time.sleep(0.02)
        return self

    def clean_up(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(timeout=30)
