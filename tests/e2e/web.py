# SPDX-License-Identifier: MIT
"""A latchkeyd with HTTP addresses, and a client that sends what it is told."""

import http.client
import json
import time

from harness import free_port
from people import PeopleTest

ROUTES = """\
        - { path: /api/v1/client, methods: [GET], permissions: [clients.read], organization: true }
        - { path: /api/v1/client, methods: [POST], permissions: [clients.read, clients.create] }
        - { path: /api/v1/any, permissions: [] }
        - { path: /api/v1/public/secret, permissions: [clients.create] }
        - { path: /api/v1/public/*, public: true }
"""

WEB = """\
http:
  listen: ['127.0.0.1:{shared}']
  operations: 127.0.0.1:{operations}
  trusted_proxies: [127.0.0.1]
  loops: 2
realms:
  crm:
    permissions: [clients.read, clients.create, apiKeys.create, apiKeys.read, apiKeys.delete]
    roles: {{ admin: ['*'], viewer: [clients.read] }}
    sessions: {{ token: HS256 }}
    passwords: {{ length_min: 8, argon2_memory_kib: 64, argon2_passes: 1 }}
    subject: {{ keys.manage: apiKeys.create }}
    http:
      surface: incrm
      listen: ['127.0.0.1:{crm}']
      hosts: [crm.localhost]
      origins: ['https://app.example.org']
      routes:
{routes}
  shop:
    permissions: [clients.read, clients.create]
    sessions: {{ token: EdDSA }}
    http:
      listen: ['127.0.0.1:{shop}']
      hosts: [shop.localhost, shop.example.org]
      routes:
{routes}
"""

TRUSTED, STRANGER = "127.0.0.1", "127.0.0.2"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.body = response.read()
        self.headers = {}
        for name, value in response.getheaders():
            self.headers.setdefault(name.lower(), []).append(value)

    def header(self, name):
        """The value of a header that comes once; None: it does not come."""
        values = self.headers.get(name.lower(), [])
        if len(values) > 1:
            raise AssertionError(f"{name} comes {len(values)} times")
"""HTTP for tests: requests with any headers, their answers, and a latchkey-bridge of one's own."""

import http.client
import json
import signal
import socket
import subprocess
import time

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


class Client:
    """One connection, from an address of the loopback."""

    def __init__(self, port, source=TRUSTED):
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=30, source_address=(source, 0)
        )

    def ask(self, path="/_latchkey/verify", method="GET", headers=(), body=None):
        headers = dict(headers)
        self.connection.putrequest(
            method, path, skip_host="Host" in headers, skip_accept_encoding=True
        )
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                self.connection.putheader(name, one)
        if body is not None:
            self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders(body)
        return Answer(self.connection.getresponse())

    def close(self):
        self.connection.close()


def nginx(path, method="GET", **more):
    """Headers of nginx's question about a request."""
    return {"X-Original-URI": path, "X-Original-Method": method, **headers(**more)}


def plain(path, method="GET", **more):
    """Headers of any other proxy's question."""
    return {"X-Forwarded-Uri": path, "X-Forwarded-Method": method, **headers(**more)}


def headers(bearer=None, key=None, client=None):
    found = {}
    if bearer is not None:
        found["Authorization"] = "Bearer " + bearer
    if key is not None:
        found["X-Api-Key"] = key
    if client is not None:
        found["X-Forwarded-For"] = client
    return found


class WebTest(PeopleTest):
    """A fresh daemon for each test, which serves the realms `crm` (with InCRM's surface) and
    `shop` (without one)."""

    def setUp(self):
        names = ("shared", "operations", "crm", "shop")
        self.ports = {name: free_port() for name in names}
        self.realms = WEB.format(routes=ROUTES, **self.ports)
        super().setUp()

    def client(self, port="crm", source=TRUSTED):
        client = Client(self.ports[port], source)
        self.addCleanup(client.close)
        return client

    def once(self, *args, port="crm", source=TRUSTED, **more):
        """The answer to one request on a connection of its own."""
        return self.client(port, source).ask(*args, **more)

    def verify(self, headers, port="crm", source=TRUSTED):
        return self.once(headers=headers, port=port, source=source)

    def wait_for(self, condition):
        deadline = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
    def __repr__(self):
        lines = "".join(f"\n{name}: {value}" for name, value in self.headers)
        return f"{self.status}{lines}\n\n{self.body[:500]!r}"


class Web:
    """Where a server answers. A connection of its own for each request, unless one is handed in;
    headers are pairs, sent as they are and as often as they come."""

    def __init__(self, port, host=None, source=None):
        self.port = port
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
