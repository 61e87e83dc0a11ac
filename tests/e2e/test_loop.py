# SPDX-License-Identifier: MIT
"""One loop, and what takes long beside what does not."""

import json
import select
import socket
import unittest

from people import PASSWORD
from web import WEB, WebTest, headers

SLOW = "argon2_memory_kib: 65536, argon2_passes: 4"
SIGN_INS = 100


class Loop(WebTest):
    config = WEB.replace("loops: 2", "loops: 1").replace(
        "argon2_memory_kib: 64, argon2_passes: 1", SLOW)

    def send_sign_in(self, n):
        """Asked, and not waited for."""
        wire = socket.create_connection(("127.0.0.1", self.ports["crm"]), timeout=60)
        self.addCleanup(wire.close)
        body = json.dumps({"email": f"nobody{n}@example.org", "password": PASSWORD}).encode()
        wire.sendall(
            b"POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.%d\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (n, len(body)) + body)
        return wire

    def test_more_sign_ins_than_fit_hold_up_no_decision_and_no_change(self):
        self.create_user("crm", organizationId="acme", roles=["admin"])
        token = self.sign_in("crm")["accessToken"]
        key = self.ask("KeyService/CreateKey", {"realm": "crm", "name": "k", "scopes": ["*"]})
        client = self.client()
        waiting = [self.send_sign_in(n) for n in range(SIGN_INS)]
        for n in range(50):
            answer = client.ask(headers=headers(key=key["secret"]))
            self.assertEqual(answer.status, 200, answer.body)
            answer = client.ask(
                "/api/v1/api-key", "POST",
                {**headers(bearer=token), "Content-Type": "application/json"},
                json.dumps({"name": f"k{n}"}).encode())
            self.assertEqual(answer.status, 201, answer.body)
        answered = select.select(waiting, [], [], 0)[0]
        # All of those came later, and were answered sooner than the first hashes were done.
        self.assertLess(len(answered), SIGN_INS)


if __name__ == "__main__":
    unittest.main()
