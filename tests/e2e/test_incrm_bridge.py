# SPDX-License-Identifier: MIT
"""InCRM, whole, served by latchkey-bridge; and what only that program meets: a server that is not
there, and a service key that is not enough."""

import concurrent.futures
import time
import unittest

import incrm_claims
import incrm_origins
import incrm_rows
import incrm_running
from incrm import IncrmTest, OverIpc, OverTcp, api_key, cookie, tests_of
from people import PASSWORD
from rest import Web

KEYS = "/api/v1/api-key"


class Outage(IncrmTest):
    system_class = OverTcp

    def test_without_its_server_every_answer_is_503000_until_it_is_back(self):
        person = self.person()
        key = self.create_key(person)["key"]
        self.assertEqual(self.readiness(), 200)
        self.daemon.stop()
        # Each waits as long as the bridge does for a server that may come back.
        with concurrent.futures.ThreadPoolExecutor() as pool:
            readiness = pool.submit(self.readiness)
            told = pool.submit(self.verify, api_key(key))
            answers = [
                pool.submit(self.web.ask, "GET", KEYS, person.bearer),
                pool.submit(self.sign_in, person.email),
                pool.submit(self.refresh, cookie(person.cookie)),
            ]
        for answer in answers:
            self.assert_error(answer.result(), 503000)
        self.assertEqual((told.result().status, told.result().body), (503, b""))
        self.assertIn("503000", told.result().header("X-Latchkey-Body"))
        self.assertEqual(readiness.result(), 503)
        self.assertEqual(self.web.ask("GET", "/_latchkey/healthz").status, 200)
        self.daemon.start()
        deadline = time.monotonic() + 60
        while self.verify(api_key(key)).status != 200:
            self.assertLess(time.monotonic(), deadline)
        self.assert_allowed(self.verify(person.bearer))

    def readiness(self):
        return Web(self.system.ports.operations).ask("GET", "/_latchkey/readyz").status


class Scopes(IncrmTest):
    class system_class(OverTcp):
        scopes = ("auth.verify", "auth.sign_in", "keys.read", "client.assert")

    def test_a_service_key_that_lacks_a_scope_is_the_bridges_fault_and_no_callers(self):
        person = self.person()
        self.assertEqual(self.web.ask("GET", KEYS, person.bearer).status, 200)
        self.assert_error(self.ask_for_key(person), 503000)


class NoKey(IncrmTest):
    class system_class(OverTcp):
        scopes = ()

    def test_a_service_key_without_rights_lets_nobody_in(self):
        email = self.create_user()["email"]
        self.assert_error(self.sign_in(email, password=PASSWORD), 503000)
        answer = self.verify(api_key("incrm_x"))
        self.assertEqual((answer.status, answer.body), (503, b""), answer)
        answer = self.verify(api_key("incrm_x"), web=self.webs["plain"])
        self.assertEqual((answer.status, answer.body), (503, b""), answer)


def load_tests(loader, standard_tests, pattern):
    suite = tests_of(loader, OverTcp, incrm_claims, incrm_origins, incrm_rows, incrm_running)
    suite.addTests(tests_of(loader, OverIpc, incrm_claims, incrm_running))
    suite.addTests(standard_tests)
    return suite


if __name__ == "__main__":
    unittest.main()
