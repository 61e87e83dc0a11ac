# SPDX-License-Identifier: MIT
"""People for tests: realms with every kind of access token, at a cost that tests can bear."""

import base64
import json

from harness import DaemonTest

PASSWORD = "a long enough password"

PEOPLE = """\
realms:
  opaque:
    permissions: [orders.read, orders.write, stock.read]
    roles:
      admin: ['*']
      clerk: [orders.read, orders.write]
      viewer: [orders.read]
    passwords: { length_min: 8, argon2_memory_kib: 64, argon2_passes: 1 }
  hs256:
    permissions: [orders.read, orders.write, stock.read]
    roles: { admin: ['*'], clerk: [orders.read, orders.write], viewer: [orders.read] }
    sessions: { token: HS256, refresh_replay_window: 10s }
    passwords: { length_min: 8, argon2_memory_kib: 64, argon2_passes: 1 }
    subject: { keys.manage: orders.write }
    imported_keys: {}
  eddsa:
    permissions: [orders.read, orders.write, stock.read]
    roles: { admin: ['*'], clerk: [orders.read, orders.write], viewer: [orders.read] }
    sessions: { token: EdDSA, refresh_replay_window: 0s, per_user_max: 3 }
    passwords: { length_min: 8, argon2_memory_kib: 64, argon2_passes: 1 }
"""

TOKEN_REALMS = ("opaque", "hs256", "eddsa")


class Refused(Exception):
    """A call that ended with an error: its code's name, and all that was said."""

    def __init__(self, text):
        super().__init__(text)
        self.code = text.rsplit("(", 1)[-1].split(")")[0]


class PeopleTest(DaemonTest):
    realms = PEOPLE

    def ask(self, method, request, *options, **more):
        """The answer of a call; Refused when it fails."""
        done = self.daemon.cli(
            *("call", "latchkey.v1." + method, "-", *options), stdin=json.dumps(request), **more
        )
        if done.code != 0:
            raise Refused(done.err.strip())
        return done.json

    def assert_refused(self, code, method, request, *options, **more):
        with self.assertRaises(Refused) as caught:
            self.ask(method, request, *options, **more)
        self.assertEqual(caught.exception.code, code, str(caught.exception))
        return str(caught.exception)

    def create_user(self, realm, name="ada", **fields):
        request = {"realm": realm, "email": f"{name}@example.org", "password": PASSWORD}
        return self.ask("UserService/CreateUser", {**request, **fields})["user"]

    def sign_in(self, realm, name="ada", password=PASSWORD, **fields):
        """The tokens."""
        request = {"realm": realm, "email": f"{name}@example.org", "password": password}
        return self.ask("AuthService/SignIn", {**request, **fields})["tokens"]

    def update_user(self, realm, user, **fields):
        mask = ",".join(fields)
        request = {"realm": realm, "id": user["id"], **fields, "updateMask": mask}
        return self.ask("UserService/UpdateUser", request)["user"]

    def judge(self, realm, token, **fields):
        """The whole verdict on a bearer token or key."""
        credential = {"kind": "CREDENTIAL_KIND_BEARER", "value": token}
        request = {"realm": realm, "credentials": [credential], **fields}
        return self.ask("AuthService/Authenticate", request)

    def verdict_on(self, realm, token, **fields):
        answer = self.judge(realm, token, **fields)
        if answer["allowed"]:
            return "allowed"
        return answer["reason"].removeprefix("DENY_REASON_")


def claims(token):
    """What a JWT says, unverified."""
    return [
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        for part in token.split(".")[:2]
    ]
