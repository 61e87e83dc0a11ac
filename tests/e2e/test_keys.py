# SPDX-License-Identifier: MIT
"""The life of a key, through the operator's socket and through tcp with service keys."""

import time
import unittest

from harness import DaemonTest


class Keys(DaemonTest):
    def test_a_key_is_created_verified_rotated_and_revoked(self):
        d = self.daemon
        key, secret = d.create_key(scopes=["orders.*"])
        self.assertEqual(d.verdict(secret, permissions=["orders.write"]), "allowed")
        self.assertEqual(d.verdict(secret, permissions=["stock.read"]), "PERMISSION_DENIED")
        rotated = d.call(
            "KeyService/RotateKey", {"realm": "shop", "id": key, "gracePeriod": "3600s"}
        ).json
        self.assertEqual(d.verdict(secret), "allowed")
        self.assertEqual(d.verdict(rotated["secret"]), "allowed")
        again = d.call("KeyService/RotateKey", {"realm": "shop", "id": key}).json
        self.assertEqual(d.verdict(secret), "UNKNOWN_CREDENTIAL")
        self.assertEqual(d.verdict(rotated["secret"]), "UNKNOWN_CREDENTIAL")
        self.assertEqual(d.verdict(again["secret"]), "allowed")
        d.call("KeyService/RevokeKey", {"realm": "shop", "id": key})
        self.assertEqual(d.verdict(again["secret"]), "REVOKED")

    def test_a_key_of_one_realm_is_unknown_in_another_with_the_same_prefix(self):
        _, secret = self.daemon.create_key("shop")
        self.assertEqual(self.daemon.verdict(secret, "shop"), "allowed")
        self.assertEqual(self.daemon.verdict(secret, "blog"), "UNKNOWN_CREDENTIAL")

    def test_a_key_expires(self):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        _, secret = self.daemon.create_key(expiresAt=at)
        self.assertEqual(self.daemon.verdict(secret), "allowed")
        deadline = time.monotonic() + 20
        while self.daemon.verdict(secret) == "allowed" and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(self.daemon.verdict(secret), "EXPIRED")

    def test_a_key_bound_to_networks_works_from_there_only(self):
        _, secret = self.daemon.create_key(networks=["203.0.113.0/24", "2001:db8::/32"])
        for address, verdict in [
            ("203.0.113.5", "allowed"),
            ("::ffff:203.0.113.5", "allowed"),
            ("2001:db8::1", "allowed"),
            ("203.0.114.5", "NETWORK_NOT_ALLOWED"),
            ("", "NETWORK_NOT_ALLOWED"),
        ]:
            self.assertEqual(self.daemon.verdict(secret, clientAddress=address), verdict, address)

    def test_a_disabled_key_comes_back(self):
        d = self.daemon
        key, secret = d.create_key()
        for enabled, verdict in [(False, "DISABLED"), (True, "allowed")]:
            done = d.call(
                "KeyService/UpdateKey",
                {"realm": "shop", "id": key, "enabled": enabled, "updateMask": "enabled"},
            )
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual(d.verdict(secret), verdict)

    def test_last_use_is_told(self):
        d = self.daemon
        key, secret = d.create_key()
        d.verdict(secret, clientAddress="198.51.100.7", userAgent="curl/8")
        deadline = time.monotonic() + 20
        use = None
        while use is None and time.monotonic() < deadline:
            done = d.call("KeyService/GetKey", {"realm": "shop", "id": key})
            use = done.json["key"].get("lastUse")
        self.assertEqual(use["clientAddress"], "198.51.100.7")
        self.assertEqual(use["userAgent"], "curl/8")

    def test_listing_pages_through_all_keys_in_order(self):
        d = self.daemon
        ids = [d.create_key(userId=f"u{i % 4}")[0] for i in range(11)]
        seen, token = [], ""
        while True:
            page = d.call(
                "KeyService/ListKeys", {"realm": "shop", "pageSize": 3, "pageToken": token}
            ).json
            seen += [key["id"] for key in page.get("keys", [])]
            token = page.get("nextPageToken", "")
            if not token:
                break
        self.assertEqual(seen, ids)
        of_one = d.call("KeyService/ListKeys", {"realm": "shop", "userId": "u1"}).json["keys"]
        self.assertEqual([key["id"] for key in of_one], ids[1::4])

    def test_an_owner_has_at_most_so_many_keys(self):
        for _ in range(3):
            self.daemon.create_key(userId="ada")
        done = self.daemon.call(
            "KeyService/CreateKey", {"realm": "shop", "name": "one more", "userId": "ada"}
        )
        self.assertIn("RESOURCE_EXHAUSTED", done.err)

    def test_bad_input_is_refused_and_the_field_is_named(self):
        for field, request in [
            ("name", {"name": ""}),
            ("name", {"name": "a\u0007b"}),
            ("name", {"name": "x" * 201}),
            ("scopes", {"scopes": ["orders.destroy"]}),
            ("scopes", {"scopes": ["orders."]}),
            ("networks", {"networks": ["203.0.113.5/24"]}),
            ("networks", {"networks": ["203.0.113.005"]}),
            ("networks", {"networks": ["::1/129"]}),
            ("expires_at", {"expiresAt": "2001-01-01T00:00:00Z"}),
            ("metadata", {"metadata": {"": "x"}}),
            ("realms", {"realms": ["shop"]}),
            ("user_id", {"userId": "u" * 129}),
        ]:
            done = self.daemon.call(
                "KeyService/CreateKey", {"realm": "shop", "name": "test", **request}
            )
            self.assertNotEqual(done.code, 0, request)
            self.assertIn(field, done.err)
            self.assertIn("INVALID_ARGUMENT", done.err)


class Services(DaemonTest):
    def over_tcp(self, file, *words, stdin=""):
        return self.daemon.cli(
            "--credential-file", str(file), *words, server=self.daemon.tcp, stdin=stdin
        )

    def test_a_service_does_what_its_scopes_say(self):
        d = self.daemon
        manager = d.service_key_file("manager", "keys.manage", "keys.read")
        verifier = d.service_key_file("verifier", "auth.verify")
        done = self.over_tcp(manager, "--json", "key", "create", "--realm", "shop", "--name", "a")
        self.assertEqual(done.code, 0, done.err)
        secret = done.json["secret"]
        done = self.over_tcp(verifier, "auth", "verify", "--realm", "shop", stdin=secret)
        self.assertEqual(done.code, 0, done.err)
        for file, words in [
            (verifier, ["key", "list", "--realm", "shop"]),
            (verifier, ["key", "create", "--realm", "shop", "--name", "b"]),
            (manager, ["auth", "verify", "--realm", "shop"]),
        ]:
            done = self.over_tcp(file, *words, stdin=secret)
            self.assertEqual(done.code, 4, done.err)
            self.assertIn("PERMISSION_DENIED", done.err)

    def test_no_credential_and_a_wrong_one_are_refused_alike(self):
        d = self.daemon
        good = d.service_key_file("good", "keys.read").read_text().strip()
        wrong = d.directory / "wrong"
        for text in ["latchkey_" + "A" * 49, good[:-1] + ("a" if good[-1] != "a" else "b"), "x"]:
            wrong.write_text(text + "\n")
            wrong.chmod(0o600)
            done = self.over_tcp(wrong, "key", "list", "--realm", "shop")
            self.assertEqual(done.code, 4, done.err)
            self.assertIn("UNAUTHENTICATED", done.err)
        done = d.cli("key", "list", "--realm", "shop", server=d.tcp)
        self.assertEqual(done.code, 4, done.err)
        self.assertIn("UNAUTHENTICATED", done.err)

    def test_a_service_acts_in_its_realms_only(self):
        file = self.daemon.service_key_file("shopper", "keys.read", realms=["shop"])
        self.assertEqual(self.over_tcp(file, "key", "list", "--realm", "shop").code, 0)
        for realm in ["blog", "latchkey", "nowhere"]:
            done = self.over_tcp(file, "key", "list", "--realm", realm)
            self.assertEqual(done.code, 4, done.err)

    def test_the_star_of_a_service_key_leaves_out_the_built_in_realm(self):
        file = self.daemon.service_key_file("all", "keys.read", "keys.manage")
        self.assertEqual(self.over_tcp(file, "key", "list", "--realm", "blog").code, 0)
        done = self.over_tcp(file, "key", "create", "--realm", "latchkey", "--name", "more")
        self.assertEqual(done.code, 4, done.err)

    def test_a_revoked_service_key_is_refused_at_once(self):
        d = self.daemon
        key, secret = d.create_key("latchkey", scopes=["keys.read"], realms=["*"])
        file = d.directory / "service"
        file.write_text(secret + "\n")
        file.chmod(0o600)
        self.assertEqual(self.over_tcp(file, "key", "list", "--realm", "shop").code, 0)
        d.call("KeyService/RevokeKey", {"realm": "latchkey", "id": key})
        self.assertEqual(self.over_tcp(file, "key", "list", "--realm", "shop").code, 4)


if __name__ == "__main__":
    unittest.main()
