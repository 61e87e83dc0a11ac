# SPDX-License-Identifier: MIT
"""Limits of a realm over HTTP and over the RPC: 429 with what a client has to know."""

import json
import signal
import subprocess
import time
import unittest

import incrm
from demo import realm_of_demo
from harness import BUILD, Daemon, free_port
from incrm import bearer
from rest import Web

BURST = "{ name: burst, per: key, requests: 3, period: 1m }"
QUOTA = "{ name: month, per: organization, requests: 5, period: 30d }"
BYOK = [("x-byok-provider", "openai"), ("x-byok-api-key", "sk-x")]
CLIENT = "/api/v1/client"


class Limits(unittest.TestCase):
    def config(self, limits):
        served = "    http:\n      surface: {}\n      listen: ['127.0.0.1:{}']\n"
        return (
            "http:\n  trusted_proxies: [127.0.0.1]\nrealms:\n"
            f"  incrm:\n{incrm.CORE}{incrm.ROUTES}    limits: [{limits}]\n"
            + served.format("incrm", self.ports[0])
            + f"  gateway:\n{realm_of_demo('gateway')}" + served.format("gateway", self.ports[1]))

    def setUp(self):
        self.ports = [free_port(), free_port()]
        self.daemon = Daemon(self.config(BURST))
        self.addCleanup(self.daemon.clean_up)
        self.daemon.start()
        self.web, self.gateway = (Web(port) for port in self.ports)

    def reload(self, limits):
        done = self.daemon.log.read_text().count("info reloaded")
        self.daemon.write_config(self.config(limits))
        self.daemon.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 30
        while self.daemon.log.read_text().count("info reloaded") == done:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def check(self, text):
        """What `latchkeyd --check` says of it."""
        config = self.daemon.directory / "other.yaml"
        config.write_text(f"data_dir: d\nlisten: {{ operator: 'ipc://s' }}\n{text}")
        return subprocess.run([BUILD / "latchkeyd", "--check", "--config", config],
                              capture_output=True, text=True).stderr

    def key(self, organization="acme"):
        return self.daemon.create_key("incrm", scopes=["*"], organizationId=organization)[1]

    def verify(self, *headers, web=None, method="GET", uri=CLIENT, forwarded=True):
        names = ("X-Forwarded-Method", "X-Forwarded-Uri") if forwarded else (
            "X-Original-Method", "X-Original-URI")
        return (web or self.web).ask("GET", "/_latchkey/verify", (names[0], method),
                                     (names[1], uri), *headers)

    def test_a_client_is_told_how_far_it_is(self):
        key = bearer(self.key())
        for left in (2, 1, 0):
            answer = self.verify(key)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.header("RateLimit-Policy"), '"burst";q=3;w=60')
            self.assertRegex(answer.header("RateLimit"), rf'^"burst";r={left};t=\d+$')
        answer = self.verify(key)
        self.assertEqual((answer.status, answer.body), (
            429, b'{"success":false,"error":{"code":429000,"message":"Too many requests"}}'))
        self.assertIn(int(answer.header("Retry-After")), range(1, 21))
        self.assertRegex(answer.header("RateLimit"), r'^"burst";r=0;t=\d+$')
        self.assertIsNone(answer.header("WWW-Authenticate"))
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        # nginx passes on nothing but 401 and 403; what to tell is beside it.
        answer = self.verify(key, forwarded=False)
        self.assertEqual((answer.status, answer.header("X-Latchkey-Status")), (403, "429"))
        self.assertIn(b"429000", answer.header("X-Latchkey-Body").encode())
        self.assertTrue(answer.header("Retry-After"))
        # Another key has its own.
        self.assertEqual(self.verify(bearer(self.key())).status, 200)

    def test_no_limit_is_told_where_there_is_none(self):
        answer = self.verify(bearer(self.key()), uri="/api/v1/public/x")
        self.assertEqual((answer.status, answer.header("RateLimit")), (200, None))
        self.assertIsNone(self.verify().header("RateLimit"))

    def test_routes_of_the_surface_count_like_those_of_the_product(self):
        self.reload("{ name: people, per: user, requests: 3, period: 1m }")
        person = {"realm": "incrm", "email": "a@example.com", "password": incrm.PASSWORD,
                  "roles": ["admin"], "organizationId": "acme"}
        self.daemon.call("UserService/CreateUser", person)
        told = self.web.ask("POST", "/api/v1/auth/sign-in", body={
            "email": "a@example.com", "password": incrm.PASSWORD}).json
        session = bearer(told["data"]["accessToken"])
        for left in (2, 1):
            answer = self.web.ask("GET", "/api/v1/api-key", session)
            self.assertEqual(answer.status, 200, answer)
            self.assertRegex(answer.header("RateLimit"), f'"people";r={left};')
        self.assertEqual(self.verify(session).status, 200)
        answer = self.web.ask("GET", "/api/v1/api-key", session)
        self.assertEqual((answer.status, answer.json["error"]["code"]), (429, 429000))
        self.assertTrue(answer.header("Retry-After"))

    def test_a_quota_outlives_the_process(self):
        self.reload(f"{QUOTA}, {BURST}")
        keys = [bearer(self.key()) for _ in range(3)]
        told = [self.verify(keys[0]).status for _ in range(4)]
        self.assertEqual(told, [200, 200, 200, 429])
        self.assertEqual(self.verify(keys[1]).header("RateLimit").count(";r=1;"), 1)
        self.daemon.stop()
        self.daemon.start()
        told = [self.verify(keys[1]).status for _ in range(2)]
        self.assertEqual(told, [200, 429])
        self.assertGreater(int(self.verify(keys[2]).header("Retry-After")), 86400)
        self.assertEqual(self.verify(bearer(self.key("other"))).status, 200)

    def test_the_rpc_says_the_same(self):
        key = self.key()
        for allowed in (True, True, True, False):
            told = self.daemon.call("AuthService/Authenticate", {
                "realm": "incrm",
                "credentials": [{"kind": "CREDENTIAL_KIND_API_KEY", "value": key}]}).json
            self.assertIs(told.get("allowed", False), allowed)
            [limit] = told["limits"]
            self.assertEqual((limit["name"], limit["requests"], limit["period"]),
                             ("burst", 3, "60s"))
        self.assertEqual(told["reason"], "DENY_REASON_RATE_LIMITED")
        self.assertRegex(told["retryAfter"], r"^1?\d(\.\d+)?s$")

    def test_a_providers_key_alone_is_limited_by_its_address(self):
        def ask(address):
            return self.verify(*BYOK, ("X-Forwarded-For", address), web=self.gateway,
                               method="POST", uri="/v1/messages")

        self.assertEqual([ask("192.0.2.7").status for _ in range(60)], [200] * 60)
        answer = ask("192.0.2.7")
        self.assertEqual((answer.status, json.loads(answer.body)["error"]), (429, {
            "message": "Too many requests", "type": "rate_limit_error", "param": "",
            "code": "rate_limited"}))
        self.assertEqual(ask("192.0.2.8").status, 200)

    def test_what_makes_no_sense_is_refused(self):
        for limits, why in (
            ("{ name: A, per: key, requests: 1, period: 1s }", "limits.name: must be 1 to 32 of"),
            ("{ name: a, per: person, requests: 1, period: 1s }", "limits.per: must be one of"),
            ("{ name: a, per: key, requests: 0, period: 1s }", "requests: must be between"),
            ("{ name: a, per: key, requests: 1, period: 10ms }", "period: must be between"),
            ("{ name: a, per: key, requests: 1 }", "limits.period: is missing"),
            ("{ name: a, per: key, requests: 1, period: 1s, callers: [x] }", "limits.callers: "),
            (f"{BURST}, {BURST}", "an earlier limit has this name"),
            (", ".join(BURST.replace("burst", f"b{n}") for n in range(9)), "more than 8"),
        ):
            self.assertIn(why, self.check(self.config(limits)))

    def test_limits_come_and_go_by_a_reload(self):
        key = bearer(self.key())
        self.assertEqual([self.verify(key).status for _ in range(4)][-1], 429)
        self.reload("")
        self.assertEqual([self.verify(key).status for _ in range(4)][-1], 200)
        # What was counted goes by the limit's name, and is no more than one period.
        self.reload(BURST.replace("1m", "3s"))
        self.assertEqual(self.verify(key).status, 429)
        deadline = time.monotonic() + 30
        while self.verify(key).status != 200:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)


if __name__ == "__main__":
    unittest.main()
