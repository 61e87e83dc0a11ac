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
    routes:
{routes}
    http:
      surface: incrm
      listen: ['127.0.0.1:{crm}']
      hosts: [crm.localhost]
      origins: ['https://app.example.org']
  shop:
    permissions: [clients.read, clients.create]
    sessions: {{ token: EdDSA }}
    routes:
{routes}
    http:
      listen: ['127.0.0.1:{shop}']
      hosts: [shop.localhost, shop.example.org]
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

    config = WEB

    def setUp(self):
        names = ("shared", "operations", "crm", "shop")
        self.ports = {name: free_port() for name in names}
        self.realms = self.config.format(routes=ROUTES, **self.ports)
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
