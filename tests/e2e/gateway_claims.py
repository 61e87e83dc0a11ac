# SPDX-License-Identifier: MIT
"""The claims of Basics Gateway's document, one test each: docs/systems.md has them by number."""

import json

from gateway import GatewayTest
from incrm import bearer
from rest import Web

COMPLETIONS = "/v1/chat/completions"
PROTECTED = [
    ("POST", COMPLETIONS), ("POST", "/v1/messages"), ("POST", "/v1/embeddings"),
    ("GET", "/v1/connections"), ("DELETE", "/v1/connections/gmail"),
    ("GET", "/v1/connections/gmail/authorize"), ("POST", "/v1/execute/gmail/sync"),
    ("POST", "/v1/audio/transcriptions"), ("POST", "/v1/audio/speech"), ("POST", "/v1/email/send"),
]
PROVIDERS = ("openai", "anthropic", "gemini", "deepgram")
# The document's matrix.
MATRIX = {
    COMPLETIONS: {"openai", "anthropic", "gemini"},
    "/v1/messages": {"openai", "anthropic", "gemini"},
    "/v1/embeddings": {"openai", "gemini"},
    "/v1/audio/transcriptions": {"deepgram"},
    "/v1/audio/speech": {"deepgram"},
    "/v1/email/send": set(),
    "/v1/execute/gmail/sync": set(),
}
UNSUPPORTED = "is no provider that is supported here"
SECRET = "sk-s3cret-of-the-provider"


def byok(provider="anthropic", key=SECRET, **more):
    headers = [("x-byok-provider", provider), ("x-byok-api-key", key)]
    headers += [("x-byok-" + name.replace("_", "-"), value) for name, value in more.items()]
    return [(name, value) for name, value in headers if value is not None]


class Claims(GatewayTest):
    def test_G1_a_key_is_a_bearer_with_the_prefix(self):
        id, secret = self.create_key()
        self.assertTrue(secret.startswith("bos_live_sk_"))
        for scheme in ("Bearer", "bearer", "BEARER"):
            answer = self.ask("POST", COMPLETIONS, ("Authorization", f"{scheme} {secret}"))
            self.assert_allowed(answer, Realm="gateway", Key=id, Organization="acme")
        # There is no header of its own for it.
        self.assert_error(self.ask("POST", COMPLETIONS, ("X-Api-Key", secret)), "missing_api_key")

    def test_G2_routes_that_need_a_key(self):
        key = self.key()
        for method, uri in PROTECTED:
            with self.subTest(uri):
                self.assert_error(self.ask(method, uri), "missing_api_key")
                self.assert_error(self.ask(method, uri, bearer("x")), "invalid_api_key")
                self.assert_allowed(self.ask(method, uri, key))
        for uri in ("/v1/other", "/", "/v2/messages", "/v1/execute"):
            self.assert_error(self.ask("POST", uri, key), "forbidden")

    def test_G2_a_key_may_be_for_some_of_them(self):
        key = self.key(scopes=["embeddings"])
        self.assert_allowed(self.ask("POST", "/v1/embeddings", key))
        self.assert_error(self.ask("POST", COMPLETIONS, key), "insufficient_permissions")

    def test_G3_public_routes_take_anything(self):
        for uri in ("/health", "/v1/models"):
            for headers in ([], [self.key()], [bearer("bos_live_sk_nonsense")],
                            byok(), byok(provider="nobody")):
                with self.subTest((uri, headers)):
                    answer = self.ask("GET", uri, *headers)
                    self.assert_allowed(answer, Key=None, Subject=None)
            self.assert_error(self.ask("POST", uri), "forbidden")

    def test_G4_the_header_scopes_connections_to_a_user(self):
        user, key = self.create_user(), self.key()
        for method, uri in PROTECTED[3:6]:
            answer = self.ask(method, uri, key, ("X-User-Id", user))
            self.assert_allowed(answer, On_Behalf_Of=user, Organization="acme")

    def test_G4_elsewhere_the_header_means_nothing(self):
        answer = self.ask("POST", COMPLETIONS, self.key(), ("X-User-Id", "whoever"))
        self.assert_allowed(answer, On_Behalf_Of=None)

    def test_G5_execute_takes_the_header_or_the_body(self):
        user, key = self.create_user(), self.key()
        uri = "/v1/execute/gmail/sync"
        for headers, body in (([("X-User-Id", user)], None), ([("X-User-Id", user)], {"a": 1}),
                              ([], {"userId": user, "more": {"userId": 7}})):
            answer = self.ask("POST", uri, key, *headers, body=body)
            self.assert_allowed(answer, On_Behalf_Of=user)
        # Of connections the body is nobody's affair.
        answer = self.ask("GET", "/v1/connections", key, body={"userId": user})
        self.assert_allowed(answer, On_Behalf_Of=None)

    def test_G6_the_body_wins(self):
        user, other, key = self.create_user(), self.create_user(), self.key()
        answer = self.ask("POST", "/v1/execute/x", key, ("X-User-Id", other),
                          body={"userId": user})
        self.assert_allowed(answer, On_Behalf_Of=user)

    def test_G7_without_either_it_is_the_organizations(self):
        key = self.key()
        for body in (None, b"", {}, {"userid": "x"}, {"userId": None}):
            with self.subTest(body):
                answer = self.ask("POST", "/v1/execute/x", key, body=body)
                self.assert_allowed(answer, On_Behalf_Of=None, Organization="acme")
        self.assert_allowed(self.ask("GET", "/v1/connections", key), On_Behalf_Of=None)

    def test_G8_what_is_no_user_is_a_bad_request(self):
        user, key = self.create_user(), self.key()
        for body in ({"userId": ""}, {"userId": 7}, {"userId": [user]}, {"userId": {}},
                     b"{", b"[]", b'{"userId":"a","userId":"b"}', b"\xff"):
            with self.subTest(body):
                answer = self.ask("POST", "/v1/execute/x", key, ("X-User-Id", user), body=body)
                self.assert_invalid(answer, "userId", "must be a string that is not empty")
        for uri in ("/v1/connections", "/v1/execute/x"):
            answer = self.ask("GET", uri, key, ("X-User-Id", ""))
            self.assert_invalid(answer, "X-User-Id", "must not be empty")
            answer = self.ask("GET", uri, key, ("X-User-Id", user), ("x-user-id", user))
            self.assert_invalid(answer, "X-User-Id", "comes more than once")

    def test_G9_a_user_of_another_organization_is_refused(self):
        key = self.key()
        gone = self.create_user()
        self.call("UserService/UpdateUser", id=gone, enabled=False, updateMask="enabled")
        for user in (self.create_user("globex"), self.create_user(""), "user_nobody", gone,
                     "x" * 1000):
            with self.subTest(user):
                answer = self.ask("GET", "/v1/connections", key, ("X-User-Id", user))
                self.assert_error(answer, "user_not_allowed")
                answer = self.ask("POST", "/v1/execute/x", key, body={"userId": user})
                self.assert_error(answer, "user_not_allowed")
        answer = self.ask("GET", "/v1/connections", self.key(organizationId=""),
                          ("X-User-Id", self.create_user()))
        self.assert_error(answer, "user_not_allowed")
        # It is the key that is proven, not the user.
        answer = self.ask("GET", "/v1/connections", ("X-User-Id", self.create_user()))
        self.assert_error(answer, "missing_api_key")

    def test_G10_both_headers_are_required_and_others_are_not(self):
        self.assert_allowed(self.ask("POST", COMPLETIONS, *byok()), Subject="byok:anthropic",
                            Key=None, Organization=None)
        more = {"api_base": "https://my.openai.azure.com/v1", "api_version": "2024-06-01"}
        self.assert_allowed(self.ask("POST", COMPLETIONS, *byok("openai", **more)))

    def test_G11_providers_are_spelt_exactly(self):
        for provider in ("OpenAI", "ANTHROPIC", "azure", "openai ", "anthropic,openai"):
            with self.subTest(provider):
                answer = self.ask("POST", COMPLETIONS, *byok(provider.strip() + "x"))
                self.assert_invalid(answer, "x-byok-provider", UNSUPPORTED)
        answer = self.ask("POST", COMPLETIONS, *byok("OpenAI"))
        self.assert_invalid(answer, "x-byok-provider", UNSUPPORTED)

    def test_G12_the_documents_example_needs_no_authorization(self):
        body = {"model": "basics-chat-smart",
                "messages": [{"role": "user", "content": "Write a short greeting."}]}
        answer = self.ask("POST", COMPLETIONS, ("Content-Type", "application/json"), *byok(),
                          body=body)
        self.assert_allowed(answer, Subject="byok:anthropic")

    def test_G13_the_matrix(self):
        key = self.key()
        for uri, allowed in MATRIX.items():
            self.assert_allowed(self.ask("POST", uri, key))
            for provider in PROVIDERS:
                with self.subTest((uri, provider)):
                    answer = self.ask("POST", uri, *byok(provider))
                    if provider in allowed:
                        self.assert_allowed(answer, Subject="byok:" + provider)
                    else:
                        self.assert_invalid(answer, "x-byok-provider", UNSUPPORTED)

    def test_G14_what_is_missing_is_named(self):
        missing = "is missing, or comes more than once"
        for headers, param, why in (
            (byok(provider=None), "x-byok-provider", "is missing"),
            (byok(provider=""), "x-byok-provider", "is missing"),
            (byok(provider=None, key=None, api_base="https://a.example"), "x-byok-provider",
             "is missing"),
            (byok(key=None), "x-byok-api-key", missing),
            (byok(key=""), "x-byok-api-key", missing),
            (byok() + byok(provider=None), "x-byok-api-key", missing),
            (byok() + byok(key=None), "x-byok-provider", UNSUPPORTED),
        ):
            with self.subTest(headers):
                self.assert_invalid(self.ask("POST", COMPLETIONS, *headers), param, why)

    def test_G15_a_key_beside_it_is_judged_too(self):
        id, secret = self.create_key()
        answer = self.ask("POST", COMPLETIONS, bearer(secret), *byok())
        self.assert_allowed(answer, Key=id, Subject=None)
        answer = self.ask("POST", COMPLETIONS, bearer("bos_live_sk_wrong"), *byok())
        self.assert_error(answer, "invalid_api_key")
        answer = self.ask("POST", COMPLETIONS, self.key(scopes=["embeddings"]), *byok())
        self.assert_error(answer, "insufficient_permissions")
        answer = self.ask("POST", COMPLETIONS, bearer(secret), *byok("deepgram"))
        self.assert_invalid(answer, "x-byok-provider", UNSUPPORTED)

    def test_G16_the_base_is_https_at_a_public_host(self):
        for base in ("http://api.example.com", "https://127.0.0.1/v1", "https://10.1.2.3",
                     "https://[::1]", "https://[::ffff:192.168.0.1]:443", "https://169.254.169.254",
                     "https://localhost", "https://a.localhost", "https://db.internal",
                     "https://2130706433", "https://0x7f.1", "https://user@api.example.com",
                     "https://", "https://api.example.com\\@10.0.0.1", "ftp://api.example.com",
                     "https://[fd00::1]", "https://0.0.0.0", "https://100.64.0.1"):
            with self.subTest(base):
                answer = self.ask("POST", COMPLETIONS, *byok("openai", api_base=base))
                self.assert_invalid(answer, "x-byok-api-base",
                                    "must be https, at a public host")
        for base in ("https://my.openai.azure.com", "https://203.0.113.9:8443/v1",
                     "https://[2001:db8::9]/"):
            self.assert_allowed(self.ask("POST", COMPLETIONS, *byok("openai", api_base=base)))

    def test_G16_the_providers_key_is_nowhere(self):
        for headers in (byok(), byok("nobody"), byok(api_base="http://x")):
            answer = self.ask("POST", COMPLETIONS, *headers)
            self.assertNotIn(SECRET, repr(answer))
        for log in {self.daemon.log, self.system.server.log}:
            self.assertNotIn(SECRET, log.read_text())

    def test_G17_a_key_that_does_not_count_any_more(self):
        id, secret = self.create_key()
        self.call("KeyService/RevokeKey", id=id)
        self.assert_error(self.ask("POST", COMPLETIONS, bearer(secret)), "revoked_api_key")
        bound = self.key(networks=["192.0.2.0/24"])
        self.assert_error(self.ask("POST", COMPLETIONS, bound), "forbidden")
        answer = self.ask("POST", COMPLETIONS, bound, ("X-Forwarded-For", "192.0.2.7"))
        self.assert_allowed(answer)
        stranger = Web(self.web.port, source="127.0.0.2")
        answer = stranger.ask("GET", "/_latchkey/verify", bound, ("X-Forwarded-For", "192.0.2.7"))
        self.assert_error(answer, "forbidden")

    def test_G17_a_key_of_another_realm_is_nobodys(self):
        _, secret = self.create_key("other")
        self.assert_allowed(self.ask("POST", COMPLETIONS, bearer(secret), realm="other"))
        self.assert_error(self.ask("POST", COMPLETIONS, bearer(secret)), "invalid_api_key")

    def test_G17_two_credentials_are_a_bad_request(self):
        answer = self.ask("POST", COMPLETIONS, self.key(), self.key())
        self.assert_error(
            answer, "invalid_request", message="a header that may come once comes twice")

    def test_G17_for_nginx_the_error_is_in_headers(self):
        asked = [("X-Original-Method", "POST"), ("X-Original-URI", COMPLETIONS)]
        answer = self.web.ask("GET", "/_latchkey/verify", *asked, *byok("nobody"))
        self.assertEqual((answer.status, answer.body), (403, b""))
        self.assertEqual(answer.header("X-Latchkey-Status"), "400")
        told = json.loads(answer.header("X-Latchkey-Body"))["error"]
        self.assertEqual((told["param"], told["code"]), ("x-byok-provider", "invalid_request"))

    def test_its_document_is_served(self):
        answer = self.web.ask("GET", "/v1/openapi.json")
        self.assertEqual((answer.status, answer.json["openapi"]), (200, "3.1.0"))
        self.assert_error(self.web.ask("GET", "/v1/anything"), "not_found")
