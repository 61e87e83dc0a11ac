# SPDX-License-Identifier: MIT
"""`latchkey import keys`: what another system made works as it is."""

import csv
import hashlib
import hmac
import json
import unittest

from harness import DaemonTest

USAGE, SOME = 2, 7
SECRET = "a secret that the old system had, too"
OLD = "old-system-key-0123456789"


def sha256(key):
    return hashlib.sha256(key.encode()).hexdigest()


def hmac_sha256(key, secret=SECRET):
    return hmac.new(secret.encode(), key.encode(), hashlib.sha256).hexdigest()


class ImportKeys(DaemonTest):
    realms = "realms:\n  shop: {}\n"

    def setUp(self):
        super().setUp()
        secret = self.daemon.directory / "secret"
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        self.daemon.stop()
        self.daemon.write_config(
            "realms:\n  shop:\n    permissions: [orders.read, orders.write]\n"
            f"    imported_keys: {{ hmac_secret_file: {secret} }}\n    keys_per_owner_max: 3\n"
            "  other: { permissions: [orders.read], imported_keys: {} }\n  plain: {}\n")
        self.daemon.start()

    def file(self, *lines, name="keys.jsonl"):
        path = self.daemon.directory / name
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return str(path)

    def run_import(self, code, *words, realm="shop"):
        done = self.daemon.cli("--json", "import", "keys", "--realm", realm, *words)
        self.assertEqual(done.code, code, (done.out, done.err))
        return done

    def summary(self, code, *words, **more):
        told = self.run_import(code, *words, **more).json
        return told["lines"], told["created"], told["alreadyThere"], told["refused"]

    def keys(self, realm="shop"):
        return self.daemon.call("KeyService/ListKeys", {"realm": realm}).json["keys"]

    def test_a_key_comes_in_by_plaintext_and_by_digest(self):
        keys = [OLD + str(n) for n in range(3)]
        path = self.file(
            {"name": "a", "plaintext": keys[0], "scopes": ["orders.read"]},
            {"name": "b", "sha256": sha256(keys[1]), "scopes": ["orders.*"], "hint": "old-"},
            {"name": "c", "hmac_sha256": hmac_sha256(keys[2]).upper(), "scopes": ["*"]})
        self.assertEqual(self.summary(0, path), (3, 3, 0, 0))
        for key in keys:
            self.assertEqual(self.daemon.verdict(key, permissions=["orders.read"]), "allowed")
            self.assertEqual(self.daemon.verdict(key + "x"), "UNKNOWN_CREDENTIAL")
            self.assertEqual(self.daemon.verdict(key, realm="other"), "UNKNOWN_CREDENTIAL")
        self.assertEqual(self.daemon.verdict(keys[0], permissions=["orders.write"]),
                         "PERMISSION_DENIED")
        # Nor does the digest open anything.
        for digest in (sha256(keys[1]), "sha256:" + sha256(keys[1]), hmac_sha256(keys[2])):
            self.assertEqual(self.daemon.verdict(digest), "UNKNOWN_CREDENTIAL")
        self.assertEqual(sorted(key["hint"] for key in self.keys()), ["", "old-", "old-"])
        self.daemon.stop()
        self.daemon.start()
        for key in keys:
            self.assertEqual(self.daemon.verdict(key), "allowed")
        store = b"".join(path.read_bytes() for path in (self.daemon.directory / "data").rglob("*")
                         if path.is_file())
        for secret in (keys[0], sha256(keys[1]), hmac_sha256(keys[2])):
            self.assertNotIn(secret.encode(), store)
            self.assertNotIn(secret, self.daemon.log.read_text())

    def test_it_can_be_repeated(self):
        path = self.file({"name": "a", "plaintext": OLD},
                         {"name": "b", "sha256": sha256(OLD + "b")})
        self.assertEqual(self.summary(0, path), (2, 2, 0, 0))
        self.assertEqual(self.summary(0, path), (2, 0, 2, 0))
        # However it is told the second time, and after it was revoked.
        again = self.file({"name": "a", "sha256": sha256(OLD)}, name="again.jsonl")
        self.assertEqual(self.summary(0, again), (1, 0, 1, 0))
        [key] = [key for key in self.keys() if key["name"] == "a"]
        self.daemon.call("KeyService/RevokeKey", {"realm": "shop", "id": key["id"]})
        self.assertEqual(self.summary(0, path), (2, 0, 2, 0))
        self.assertEqual(self.daemon.verdict(OLD), "REVOKED")
        self.assertEqual(len(self.keys()), 2)

    def test_a_dry_run_changes_nothing_and_tells_all(self):
        path = self.file({"name": "a", "plaintext": OLD}, {"name": "b", "plaintext": "short"},
                         {"name": "c", "plaintext": OLD + "c", "scopes": ["nothing"]})
        self.assertEqual(self.summary(SOME, "--dry-run", path), (3, 1, 0, 2))
        self.assertEqual(self.keys(), [])
        self.assertEqual(self.daemon.verdict(OLD), "UNKNOWN_CREDENTIAL")

    def test_a_line_that_is_wrong_is_told_and_the_others_go_on(self):
        path = self.file(
            {"plaintext": OLD}, {"name": "a"}, {"name": "a", "plaintext": OLD, "sha256": "00"},
            {"name": "a", "sha256": "xyz"}, {"name": "a", "hmac_sha256": "0" * 63},
            {"name": "a", "plaintext": "has a space in the middle"},
            {"name": "a", "plaintext": "x" * 600},
            {"name": "a", "plaintext": "looks.like.aJWTtoken"},
            {"name": "a", "plaintext": OLD + "1", "networks": ["10.0.0.1/8"]},
            {"name": "a", "plaintext": OLD + "2", "hint": "x" * 60},
            {"name": "good", "plaintext": OLD}, {"name": "twice", "plaintext": OLD})
        report = self.daemon.directory / "report.jsonl"
        self.assertEqual(self.summary(SOME, "--report", str(report), path), (12, 1, 0, 11))
        told = [json.loads(line) for line in report.read_text().splitlines()]
        fields = {line["line"]: line["field"] for line in told}
        self.assertEqual(fields, {
            1: "name", 2: "plaintext", 3: "plaintext", 4: "sha256", 5: "hmac_sha256",
            6: "plaintext", 7: "plaintext", 8: "plaintext", 9: "networks", 10: "hint", 12: ""})
        self.assertNotIn(OLD, report.read_text())
        self.assertEqual(self.daemon.verdict(OLD), "allowed")

    def test_csv_has_lists_in_a_field_and_times(self):
        path = self.daemon.directory / "keys.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([
                ["name", "plaintext", "scopes", "networks", "expires_at", "organization_id"],
                ["a", OLD, "orders.read orders.write", "10.0.0.0/8;192.0.2.1",
                 "2027-01-31T00:00:00Z", "acme"]])
        self.assertEqual(self.summary(0, str(path)), (1, 1, 0, 0))
        [key] = self.keys()
        self.assertEqual((key["scopes"], key["networks"], key["expiresAt"], key["organizationId"]),
                         (["orders.read", "orders.write"], ["10.0.0.0/8", "192.0.2.1"],
                          "2027-01-31T00:00:00Z", "acme"))

    def test_limits_and_rights_are_those_of_every_key(self):
        lines = [{"name": str(n), "plaintext": OLD + str(n), "user_id": "ada"} for n in range(4)]
        done = self.daemon.cli("import", "keys", "--realm", "shop", "--in-flight", "1",
                               self.file(*lines))
        self.assertNotEqual(done.code, 0)
        self.assertIn("as many keys as the realm allows", done.err)
        self.assertEqual(len(self.keys()), 3)
        done = self.daemon.cli("import", "keys", "--realm", "latchkey", self.file(
            {"name": "a", "plaintext": OLD}))
        self.assertNotEqual(done.code, 0)
        self.assertIn("service keys are made here", done.err)
        done = self.daemon.cli("import", "keys", "--realm", "other", self.file(
            {"name": "a", "hmac_sha256": hmac_sha256(OLD)}))
        self.assertEqual(done.code, SOME)
        self.assertIn("the realm has no hmac_secret_file", done.err)
        done = self.daemon.cli("import", "keys", "--realm", "plain", self.file(
            {"name": "a", "plaintext": OLD}))
        self.assertEqual(done.code, USAGE)
        self.assertIn("no imported_keys", done.err)

    def test_a_key_of_ours_comes_in_as_itself(self):
        """Of another Latchkey, whose realm has the same prefix; and rotating gives a new one."""
        _, key = self.daemon.create_key("shop", scopes=["*"])
        [made] = self.keys()
        self.daemon.stop()
        for path in sorted((self.daemon.directory / "data").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        self.daemon.start()
        self.assertEqual(self.daemon.verdict(key), "UNKNOWN_CREDENTIAL")
        self.assertEqual(self.summary(0, self.file(
            {"name": made["name"], "plaintext": key, "scopes": ["*"]})), (1, 1, 0, 0))
        self.assertEqual(self.daemon.verdict(key), "allowed")
        told = self.daemon.call("KeyService/RotateKey", {
            "realm": "shop", "id": self.keys()[0]["id"]}).json
        self.assertEqual(self.daemon.verdict(key), "UNKNOWN_CREDENTIAL")
        self.assertEqual(self.daemon.verdict(told["secret"]), "allowed")


if __name__ == "__main__":
    unittest.main()
