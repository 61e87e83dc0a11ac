# SPDX-License-Identifier: MIT
"""What serves InCRM, while its operator reloads it and stops it."""

import contextlib
import json
import signal
import socket
import time

from incrm import ORIGIN, ROUTES, IncrmTest, cookie_of
from people import PASSWORD

KEYS = "/api/v1/api-key"
SIGN_IN = "/api/v1/auth/sign-in"

MORE_ROUTES = ROUTES + "      - { path: /api/v1/invoice, permissions: [invoices.read] }\n"


class Running(IncrmTest):
    """A fresh system for each test."""

    @classmethod
    def setUpClass(cls):
        pass

    def setUp(self):
        cls = type(self)
        try:
            super().setUpClass()
        finally:
            self.addCleanup(cls.doClassCleanups)

    @property
    def process(self):
        return self.system.server.process

    def log(self):
        return self.system.server.log.read_text()

    def reload(self, word="reloaded"):
        """The server of HTTP last: what it asks for, a daemon behind it has to know."""
        if self.system.daemon is not self.system.server:
            self.reload_one(self.system.daemon, "reloaded")
        self.reload_one(self.system.server, word)

    def reload_one(self, server, word):
        before = server.log.read_text().count(word)
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while server.log.read_text().count(word) == before:
            self.assertLess(time.monotonic(), deadline, server.log.read_text())
            time.sleep(0.01)

    def test_sighup_puts_origins_and_routes_into_force_and_drops_no_connection(self):
        person = self.person()
        new = "https://new.incrm.app"
        wire = self.web.connect()
        self.addCleanup(wire.close)

        def grant(origin):
            answer = self.web.ask("GET", KEYS, person.bearer, ("Origin", origin), connection=wire)
            self.assertEqual(answer.status, 200, answer)
            return answer.header("Access-Control-Allow-Credentials")

        def status_of_invoice():
            headers = (("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/api/v1/invoice"))
            return self.web.ask(
                "GET", "/_latchkey/verify", *headers, person.bearer, connection=wire
            ).status

        self.assertEqual((grant(ORIGIN), grant(new), status_of_invoice()), ("true", None, 403))
        first = wire.sock
        self.system.configure(routes=MORE_ROUTES, origins=(new,))
        self.reload()
        self.assertEqual((grant(ORIGIN), grant(new), status_of_invoice()), (None, "true", 200))
        self.assertIs(wire.sock, first)

    def test_a_configuration_with_a_mistake_keeps_the_old_one(self):
        person = self.person()
        self.system.configure(origins=("not an origin",))
        self.reload("reload failed")
        answer = self.web.ask("GET", KEYS, person.bearer, ("Origin", ORIGIN))
        self.assertEqual(answer.header("Access-Control-Allow-Origin"), ORIGIN)

    def wait_until_closed(self):
        """Nobody is let in any more."""
        deadline = time.monotonic() + 60
        with contextlib.suppress(ConnectionError):
            while True:
                self.assertLess(time.monotonic(), deadline)
                with socket.create_connection(("127.0.0.1", self.web.port), timeout=60) as probe:
                    probe.recv(1)
                time.sleep(0.01)

    def test_sigterm_answers_what_is_under_way_and_closes_the_rest(self):
        user = self.create_user()
        body = json.dumps({"email": user["email"], "password": PASSWORD}).encode()
        head = (
            f"POST {SIGN_IN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        idle, busy = (
            socket.create_connection(("127.0.0.1", self.web.port), timeout=60) for _ in range(2)
        )
        self.addCleanup(idle.close)
        self.addCleanup(busy.close)
        idle.sendall(b"GET /_latchkey/healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(b"200 OK", idle.recv(65536))
        busy.sendall(head + body[:5])
        # The head has been read when another request of the same loop has been answered, and
        # there may be several loops.
        for _ in range(64):
            self.assertEqual(self.web.ask("GET", "/_latchkey/healthz").status, 200)
        self.process.send_signal(signal.SIGTERM)
        self.wait_until_closed()
        self.assertEqual(idle.recv(1), b"")
        busy.sendall(body[5:])
        answer = b"".join(iter(lambda: busy.recv(65536), b""))
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)
        self.assertIn(b"\r\nConnection: close\r\n", answer)
        self.assertIn(b"accessToken", answer)
        self.assertEqual(self.process.wait(timeout=60), 0, self.log())

    def test_a_session_and_its_cookie_outlive_a_restart(self):
        person = self.person()
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(timeout=60), 0)
        self.system.server.start()
        self.assert_allowed(self.verify(person.bearer))
        answer = self.refresh(("Cookie", f"theme=dark; refreshToken={person.cookie}; a=b"))
        self.assertEqual(answer.status, 200, answer)
        self.assertNotEqual(cookie_of(answer)["refreshToken"], person.cookie)
