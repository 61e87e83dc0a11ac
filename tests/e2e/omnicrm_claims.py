# SPDX-License-Identifier: MIT
"""The claims of OmniCRM's document, one test each: docs/systems.md has them by number."""

from incrm import bearer
from omnicrm import PERMISSIONS, OmnicrmTest


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
