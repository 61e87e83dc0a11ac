# SPDX-License-Identifier: MIT
"""What a service may grant to other services: nothing that it lacks itself."""

import json
import unittest

from harness import DaemonTest


class Grants(DaemonTest):
    def setUp(self):
        super().setUp()
        self.manager = self.daemon.service_key_file(
            "manager", "keys.manage", "auth.verify", realms=["latchkey", "shop"]
        )

    def ask(self, method, request):
        return self.daemon.cli(
            *("--credential-file", str(self.manager)),
            *("call", "latchkey.v1.KeyService/" + method, "-"),
            server=self.daemon.tcp,
            stdin=json.dumps({"realm": "latchkey", **request}),
        )

    def assert_denied(self, done, field):
        self.assertEqual(done.code, 4, done.out + done.err)
        self.assertIn("PERMISSION_DENIED", done.err)
        self.assertIn(field, done.err)

    def test_a_service_creates_keys_with_rights_of_its_own_only(self):
        for field, request in [
            ("scopes", {"scopes": ["*"]}),
            ("scopes", {"scopes": ["keys.*"]}),
            ("scopes", {"scopes": ["auth.verify", "client.assert"]}),
            ("realms", {"scopes": ["auth.verify"], "realms": ["*"]}),
            ("realms", {"scopes": ["auth.verify"], "realms": ["shop", "blog"]}),
        ]:
            self.assert_denied(self.ask("CreateKey", {"name": "more", **request}), field)
        done = self.ask(
            "CreateKey",
            {"name": "same", "scopes": ["auth.verify", "keys.manage"], "realms": ["latchkey"]},
        )
        self.assertEqual(done.code, 0, done.err)

    def test_a_service_adds_no_rights_to_a_key_that_it_lacks(self):
        key, _ = self.daemon.create_key("latchkey", scopes=["auth.verify"], realms=["shop"])
        more = {"id": key, "scopes": ["keys.read"], "updateMask": "scopes"}
        self.assert_denied(self.ask("UpdateKey", more), "scopes")
        less = {"id": key, "scopes": [], "updateMask": "scopes"}
        done = self.ask("UpdateKey", less)
        self.assertEqual(done.code, 0, done.err)

    def test_a_service_gets_no_hold_of_a_key_with_more_rights(self):
        for field, scopes, realms in [
            ("scopes", ["keys.read"], ["shop"]),
            ("realms", ["auth.verify"], ["blog"]),
        ]:
            key, secret = self.daemon.create_key("latchkey", scopes=scopes, realms=realms)
            self.assert_denied(self.ask("RotateKey", {"id": key}), field)
            rename = {"id": key, "name": "mine", "updateMask": "name"}
            self.assert_denied(self.ask("UpdateKey", rename), field)
            self.assertEqual(self.daemon.verdict(secret, "latchkey"), "allowed")
            done = self.ask("RevokeKey", {"id": key})
            self.assertEqual(done.code, 0, done.err)

    def test_keys_of_other_realms_have_scopes_of_another_kind(self):
        done = self.ask("CreateKey", {"realm": "shop", "name": "user", "scopes": ["*"]})
        self.assertEqual(done.code, 0, done.err)


if __name__ == "__main__":
    unittest.main()
