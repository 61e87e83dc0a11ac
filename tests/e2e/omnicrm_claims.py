# SPDX-License-Identifier: MIT
"""The claims of OmniCRM's document, one test each: docs/systems.md has them by number."""

import base64
import hashlib
import re
import secrets
import subprocess
import threading

from harness import BUILD
from incrm import bearer
from omnicrm import CALLERS, MONITORING, PROVISIONING, PERMISSIONS, OmnicrmTest
from rest import Web

STRANGER = "127.0.0.2"  # no proxy of ours


class Claims(OmnicrmTest):
    def assert_login(self, answer, permissions, roles):
        """Exactly what the document tells of."""
        self.assertEqual(answer.status, 200, answer)
        told = answer.json
        self.assertEqual(set(told), {"token", "refresh_token", "permissions", "roles"})
        self.assertEqual((told["permissions"], told["roles"]), (permissions, roles))
        self.assertEqual(answer.header("Content-Type"), "application/json")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertIsNone(answer.header("Set-Cookie"))
        return told

    def test_O2_login_answers_tokens_and_what_the_person_may_do(self):
        user = self.create_user()
        told = self.assert_login(self.log_in(user["email"]), PERMISSIONS, ["admin"])
        self.assertTrue(told["token"] and told["refresh_token"])

    def test_O2_permissions_are_the_union_over_the_roles_sorted(self):
        for roles, permissions in (
            (["view_service", "view_customer"], ["view_customer", "view_service"]),
            (["view_customer", "admin"], PERMISSIONS),
            ([], []),
        ):
            with self.subTest(roles):
                told = self.log_in(self.create_user(roles=roles)["email"]).json
                self.assertEqual(told["permissions"], permissions)
                self.assertEqual(sorted(told["roles"]), sorted(roles))

    def test_O3_the_token_authenticates_all_later_calls(self):
        person = self.person()
        for method, uri in (("GET", "/crm/customers"), ("POST", "/crm/customers"),
                            ("GET", "/crm/services?page=2")):
            answer = self.verify(person.bearer, method=method, uri=uri)
            self.assert_allowed(answer)
            self.assertEqual(answer.header("X-Latchkey-User"), person.id)
            self.assertEqual(answer.header("X-Latchkey-Roles"), "admin")

    def test_O3_the_documents_python_example_logs_in(self):
        """With the headers of `requests`, on its one connection, which sends a Content-Type with
        everything."""
        headers = [
            ("User-Agent", "python-requests/2.28.1"), ("Accept-Encoding", "gzip, deflate"),
            ("Accept", "*/*"), ("Connection", "keep-alive"), ("Content-Type", "application/json"),
        ]
        session = self.web.connect()
        self.addCleanup(session.close)
        answer = self.log_in(self.create_user()["email"], *headers, connection=session)
        self.assertEqual(answer.status, 200)
        headers.append(("Authorization", "Bearer " + answer.json["token"]))
        asked = [("X-Original-Method", "GET"), ("X-Original-URI", "/crm/customers")]
        answer = self.web.ask("GET", "/_latchkey/verify", *headers, *asked, connection=session)
        self.assert_allowed(answer)
        answer = self.post("/crm/auth/logout", *headers, body=b"", connection=session)
        self.assertEqual(answer.status, 204)

    def test_O4_the_refresh_token_is_in_the_body_and_refreshes_once(self):
        person = self.person()
        told = self.assert_login(self.refresh(person.refresh_token), PERMISSIONS, ["admin"])
        self.assertNotEqual(told["token"], person.token)
        self.assertNotEqual(told["refresh_token"], person.refresh_token)
        self.assert_allowed(self.verify(bearer(told["token"])))
        self.assert_login(self.refresh(told["refresh_token"]), PERMISSIONS, ["admin"])

    def test_O10_a_role_may_be_called_as_a_permission(self):
        person = self.person(roles=["view_customer"])
        self.assert_allowed(self.verify(person.bearer))
        self.assert_refused(self.verify(person.bearer, method="POST"), "insufficient_scope")
        self.assert_refused(
            self.verify(person.bearer, uri="/crm/services"), "insufficient_scope"
        )

    def test_O11_a_list_of_customers_takes_a_token_or_a_key_that_may_see_them(self):
        _, key = self.create_key(scopes=["view_customer"])
        _, wrong = self.create_key(scopes=["view_service"])
        self.assert_allowed(self.verify(self.person(roles=["view_customer"]).bearer))
        for name in ("X-API-KEY", "x-api-key"):
            self.assert_allowed(self.verify((name, key)))
            self.assert_refused(self.verify((name, wrong)), "insufficient_scope")
        self.assert_refused(self.verify(), "authentication_required")

    # --- keys from the file ---

    def key(self, value, **more):
        return self.verify(("X-API-KEY", value), **more)

    def test_O5_keys_of_the_file_have_its_roles(self):
        answer = self.key(PROVISIONING, method="POST")
        self.assert_allowed(answer)
        self.assertEqual(answer.header("X-Latchkey-Subject"),
                         "key:Provisioning%20automation%20system")
        self.assertEqual(answer.header("X-Latchkey-Roles"), "admin")
        answer = self.key(MONITORING)
        self.assert_allowed(answer)
        self.assertEqual(answer.header("X-Latchkey-Roles"), "view_customer,view_service")
        self.assert_refused(self.key(MONITORING, method="POST"), "insufficient_scope")

    def test_O5_a_key_of_the_file_is_nobodys_in_another_realm(self):
        for realm in ("strict", "other"):
            self.assert_refused(self.key(PROVISIONING, realm=realm), "invalid_api_key")

    def test_O5_a_key_of_the_file_is_no_person(self):
        answer = self.post("/crm/auth/logout", ("X-API-KEY", PROVISIONING), body=b"")
        self.assert_error(answer, "access_denied")

    def check(self, callers, mode=0o600):
        """What `latchkeyd --check` says of a file of callers."""
        directory = self.daemon.directory
        file = directory / "callers.yaml"
        file.write_text(callers)
        file.chmod(mode)
        config = directory / "checked.yaml"
        config.write_text(
            f"data_dir: {directory}/data\nlisten: {{ operator: '{self.daemon.operator}' }}\n"
            "realms:\n  a:\n    permissions: [view_customer]\n"
            f"    ip_whitelist_roles: [view_customer]\n    callers_file: {file}\n")
        done = subprocess.run([BUILD / "latchkeyd", "--check", "--config", config],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr.replace(str(file), "FILE")

    def one_key(self, key, roles="[view_customer]"):
        return f"api_keys:\n  # one\n  '{key}': {{ roles: {roles} }}\n"

    def test_O6_a_key_has_at_least_32_characters(self):
        self.assertEqual(self.check(self.one_key("k" * 32)), (0, ""))
        code, said = self.check(self.one_key("k" * 31))
        self.assertEqual(said, "FILE:3: api_keys: a key has at least 32 characters\n")
        self.assertNotEqual(code, 0)

    def test_O7_the_header_is_x_api_key_in_any_case(self):
        for name in ("X-API-KEY", "x-api-key", "X-Api-Key"):
            self.assert_allowed(self.verify((name, PROVISIONING)))
        self.assert_refused(self.verify(("X-API-KEY", PROVISIONING), bearer("x")),
                            "invalid_request", "one credential at a time")

    def test_O8_what_openssl_prints_is_a_key(self):
        keys = [base64.b64encode(secrets.token_bytes(n)).decode() for n in (48, 47, 46)]
        keys.append("+/" * 31 + "+=")
        entries = "".join(f"  {key}:\n    roles: [view_customer]\n" for key in keys)
        text = CALLERS.read_text().replace("api_keys:\n", "api_keys:\n" + entries)
        try:
            self.reload(text)
            for key in keys:
                self.assert_allowed(self.key(key))
        finally:
            self.reload(CALLERS.read_text())
        self.assert_refused(self.key(keys[0]), "invalid_api_key")

    def test_O9_no_call_lists_or_changes_keys_of_the_file(self):
        listed = self.call("KeyService/ListKeys").get("keys", [])
        self.assertNotIn("Monitoring and alerting", [key["name"] for key in listed])
        for method, path in (("GET", "/crm/api-keys"), ("POST", "/crm/api-keys")):
            self.assert_error(self.web.ask(method, path, ("X-API-KEY", PROVISIONING)), "not_found")

    # --- addresses ---

    def from_address(self, address, *headers, **more):
        return self.verify(("X-Forwarded-For", address), *headers, **more)

    def test_O12_a_listed_address_needs_no_credential(self):
        for address, entry in (("192.168.1.100", "192.168.1.100"), ("10.0.0.255", "10.0.0.0/24"),
                               ("::ffff:172.16.50.10", "172.16.50.10")):
            with self.subTest(address):
                answer = self.from_address(address)
                self.assert_allowed(answer)
                self.assertEqual(answer.header("X-Latchkey-Subject"), "ip:" + entry)
        for address in ("192.168.1.101", "10.0.1.0", "9.255.255.255", "2001:db8::1"):
            with self.subTest(address):
                self.assert_refused(self.from_address(address), "authentication_required")

    def test_O12_it_is_for_the_realm_that_lists_it(self):
        answer = self.from_address("10.0.0.5", realm="other")
        self.assert_refused(answer, "authentication_required")

    def test_O13_an_address_has_the_roles_of_the_list_and_no_more(self):
        answer = self.from_address("10.0.0.5", uri="/crm/services")
        self.assert_allowed(answer)
        self.assertEqual(answer.header("X-Latchkey-Roles"), "view_customer,view_service")
        answer = self.from_address("10.0.0.5", method="POST")
        self.assert_refused(answer, "insufficient_scope")

    def test_O13_a_list_without_roles_is_refused_with_its_line(self):
        code, said = self.check("ip_whitelist: [10.0.0.0/24]\n")
        self.assertEqual((code, said), (0, ""))
        config = self.daemon.directory / "checked.yaml"
        config.write_text(re.sub(r"    ip_whitelist_roles.*\n", "", config.read_text()))
        done = subprocess.run([BUILD / "latchkeyd", "--check", "--config", config],
                              capture_output=True, text=True, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stderr, f"{config}:6: realms.a.callers_file: addresses are listed, "
                                      "and ip_whitelist_roles does not say what they may\n")

    def test_O14_a_credential_that_is_presented_is_judged_alone(self):
        _, key = self.create_key(scopes=["view_service"])
        for headers, code in (
            ([bearer("nonsense")], "invalid_token"),
            ([("X-API-KEY", "k" * 40)], "invalid_api_key"),
            ([("X-API-KEY", "")], "invalid_api_key"),
            ([("X-API-KEY", key)], "insufficient_scope"),
        ):
            with self.subTest(headers):
                self.assert_refused(self.from_address("10.0.0.5", *headers), code)

    def test_O15_a_forwarding_header_counts_from_a_proxy_of_ours_alone(self):
        stranger = Web(self.web.port, source=STRANGER)
        answer = stranger.ask("GET", "/_latchkey/verify", ("X-Forwarded-For", "10.0.0.5"))
        self.assert_error(answer, "authentication_required")
        # What the client of our proxy claims stands further to the left.
        answer = self.from_address("10.0.0.5, 203.0.113.7")
        self.assert_refused(answer, "authentication_required")
        self.assert_allowed(self.from_address("203.0.113.7, 10.0.0.5"))

    def test_O15_the_page_of_another_site_does_not_get_it(self):
        for header in (("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"),
                       ("Sec-Fetch-Site", "same-site")):
            with self.subTest(header):
                answer = self.from_address("10.0.0.5", header)
                self.assert_refused(answer, "authentication_required")
        for value in ("same-origin", "none"):
            self.assert_allowed(self.from_address("10.0.0.5", ("Sec-Fetch-Site", value)))

    # --- the file ---

    def test_O17_keys_come_and_go_by_a_reload_and_no_request_is_dropped(self):
        new = "a-new-key-for-the-monitoring-system"
        both = CALLERS.read_text().replace(
            "api_keys:\n", f"api_keys:\n  {new}:\n    roles: [view_customer]\n")
        after = both.replace(MONITORING, "k" * 40).replace("  - 10.0.0.0/24\n", "")
        seen, done = [], threading.Event()

        def ask():
            while not done.is_set():
                seen.append(self.key(PROVISIONING).status)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            self.assert_refused(self.key(new), "invalid_api_key")
            self.reload(both)
            self.assert_allowed(self.key(new))
            self.assert_allowed(self.key(MONITORING))
            self.reload(after)
            self.assert_allowed(self.key(new))
            self.assert_refused(self.key(MONITORING), "invalid_api_key")
            self.assert_refused(self.from_address("10.0.0.5"), "authentication_required")
            self.assert_allowed(self.from_address("192.168.1.100"))
        finally:
            self.reload(CALLERS.read_text())
            done.set()
            asking.join()
        self.assertEqual(set(seen), {200})
        self.assert_allowed(self.from_address("10.0.0.5"))

    def test_O17_a_file_with_a_mistake_keeps_the_old_one(self):
        log = self.reload(CALLERS.read_text() + "  - 10.0.0.1/24\n", "reload failed")
        self.assertIn("crm_config.yaml:21: ip_whitelist: each entry is", log)
        self.assert_allowed(self.key(MONITORING))
        self.reload(CALLERS.read_text())

    def test_O18_a_key_may_stand_there_as_its_digest(self):
        key = "a-key-that-stands-nowhere-in-the-file"
        digest = hashlib.sha256(key.encode()).hexdigest()
        text = f"api_keys:\n  sha256:{digest}:\n    roles: [view_customer]\n"
        self.assertEqual(self.check(text, mode=0o644), (0, ""))
        try:
            self.reload(text)
            self.assert_allowed(self.key(key))
            self.assert_refused(self.key("sha256:" + digest), "invalid_api_key")
        finally:
            self.reload(CALLERS.read_text())

    def test_O18_raw_keys_are_in_a_file_for_its_owner_alone(self):
        for mode in (0o644, 0o640, 0o604):
            code, said = self.check(self.one_key("k" * 32), mode=mode)
            self.assertNotEqual(code, 0)
            self.assertEqual(said, "FILE:3: api_keys: others may read the keys in this file: use "
                                   "mode 0600, or digests (sha256:...)\n")

    def test_O18_no_mistake_shows_a_key(self):
        secret = "s3cret" * 8
        for callers, what in (
            (self.one_key(secret, "[nobody]"), "neither a role nor a permission"),
            (self.one_key(secret, "[]"), "1 to 16 roles"),
            (self.one_key(secret + " x"), "printable ASCII"),
            (self.one_key(secret + ".x"), "printable ASCII"),
            (self.one_key(secret + "\u00e9"), "printable ASCII"),
            (self.one_key(secret) + f"  {secret}: {{ roles: [view_customer] }}\n", "given twice"),
            (self.one_key("sha256:s3cret"), "64 hexadecimal digits"),
            (f"api_keys: [{secret}]\n", "one entry per key"),
            (f"api_keys: {{ {secret}: s3cret }}\n", "must be a section"),
            (f"api_keys: {{ {secret}: {{ rules: [] }} }}\n", "does not exist"),
            (f"api_keys: {{ {secret}: {{ roles: [view_customer], description: "
             f"'{'x' * 201}' }} }}\n", "at most 200 bytes"),
        ):
            with self.subTest(what):
                code, said = self.check(callers)
                self.assertNotEqual(code, 0)
                self.assertIn(what, said)
                self.assertNotIn("s3cret", said)

    def test_O19_a_credential_comes_before_the_address_and_rights_are_never_joined(self):
        person = self.person(roles=["view_service"])
        answer = self.from_address("10.0.0.5", person.bearer, uri="/crm/services")
        self.assert_allowed(answer)
        self.assertEqual(answer.header("X-Latchkey-User"), person.id)
        self.assertIsNone(answer.header("X-Latchkey-Subject"))
        answer = self.from_address("10.0.0.5", person.bearer)
        self.assert_refused(answer, "insufficient_scope")
        answer = self.from_address("10.0.0.5", person.bearer, ("X-API-KEY", MONITORING))
        self.assert_refused(answer, "invalid_request", "one credential at a time")
