# SPDX-License-Identifier: MIT
"""All realms of examples/demo.yaml in one daemon: a credential of one is nobody's in every other,
at each address, by each way that a realm takes it, and over the RPC."""

import unittest

from demo import start_demo
from people import PASSWORD
from rest import Web

# A route of the product that takes a key, and where the realm's own surface takes it.
ROUTES = {
    "basicsos": ("GET", "/api/contacts"),
    "incrm": ("GET", "/api/v1/client"),
    "briksync": ("GET", "/api/catalog"),
    "gateway": ("POST", "/v1/messages"),
    "omnicrm": ("GET", "/crm/customers"),
}
SIGN_IN = {
    "basicsos": ("/api/auth/sign-in/email", lambda told: told["token"]),
    "incrm": ("/api/v1/auth/sign-in", lambda told: told["data"]["accessToken"]),
    "omnicrm": ("/crm/auth/login", lambda told: told["token"]),
}
OWN = {
    "basicsos": ("GET", "/api/api-tokens"),
    "incrm": ("GET", "/api/v1/api-key"),
    "briksync": ("GET", "/api/api-keys"),
    "omnicrm": ("POST", "/crm/auth/logout"),
}
REFUSED = {
    "basicsos": '{"error":"Unauthorized"}',
    "incrm": '{"success":false,"error":{"code":%s,"message":"%s"}}',
    "briksync": '{"data":null,"error":"Unauthorized","code":"UNAUTHORIZED"}',
    "gateway": '{"error":{"message":"The API key is not valid","type":"authentication_error",'
               '"param":"","code":"invalid_api_key"}}',
    "omnicrm": '{"error":"%s","message":"%s"}',
}
KEY_HEADERS = {"incrm": "X-Api-Key", "omnicrm": "X-API-KEY"}


def refusal(realm, by_header):
    """To the letter; of a key header, that the key is not valid; of a bearer, that the token is
    not, since the prefix is another realm's."""
    if realm == "incrm":
        told = ("401022", "Invalid API key") if by_header else ("401010", "Invalid access token")
        return REFUSED[realm] % told
    if realm == "omnicrm":
        told = (("invalid_api_key", "The API key is not valid, or not any more") if by_header else
                ("invalid_token", "The token is not valid, or not any more"))
        return REFUSED[realm] % told
    return REFUSED[realm]


class Realms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon, ports = start_demo(cls)
        cls.webs = {realm: Web(port) for realm, port in ports.items()}
        cls.keys, cls.tokens = {}, {}
        cls.daemon.call("UserService/SetOrganization", {
            "realm": "briksync", "id": "acme", "plan": "BUSINESS", "updateMask": "plan"})
        for realm in ROUTES:
            _, cls.keys[realm] = cls.daemon.create_key(
                realm, scopes=["*"], organizationId="acme")
        for realm, (path, take) in SIGN_IN.items():
            person = {"realm": realm, "email": "ada@example.com", "password": PASSWORD,
                      "roles": ["admin"], "organizationId": "acme"}
            cls.daemon.call("UserService/CreateUser", person)
            body = {"email": "ada@example.com", "password": PASSWORD}
            cls.tokens[realm] = take(cls.webs[realm].ask("POST", path, body=body).json)

    def verify(self, realm, *headers):
        method, uri = ROUTES[realm]
        return self.webs[realm].ask("GET", "/_latchkey/verify", ("X-Forwarded-Method", method),
                                    ("X-Forwarded-Uri", uri), *headers)

    def ways(self, realm, credential):
        """(header, whether it is made for keys)"""
        yield ("Authorization", "Bearer " + credential), False
        if realm in KEY_HEADERS:
            yield (KEY_HEADERS[realm], credential), True

    def assert_refused(self, answer, realm, by_header):
        self.assertEqual((answer.status, answer.body.decode()),
                         (401, refusal(realm, by_header)), (realm, answer))
        self.assertEqual(answer.header("WWW-Authenticate"),
                         f'Bearer realm="{realm}", error="invalid_token"')
        self.assertEqual(answer.header("Cache-Control"), "no-store")

    def test_each_credential_is_good_at_home(self):
        for realm in ROUTES:
            header = ("Authorization", "Bearer " + self.keys[realm])
            self.assertEqual(self.verify(realm, header).status, 200, realm)
        for realm in SIGN_IN:
            header = ("Authorization", "Bearer " + self.tokens[realm])
            self.assertEqual(self.verify(realm, header).status, 200, realm)

    def test_a_key_is_nobodys_elsewhere(self):
        for home, key in self.keys.items():
            for realm in ROUTES.keys() - {home}:
                for header, by_header in self.ways(realm, key):
                    with self.subTest((home, realm, by_header)):
                        self.assert_refused(self.verify(realm, header), realm, by_header)
                        if realm in OWN:
                            answer = self.webs[realm].ask(*OWN[realm], header)
                            self.assert_refused(answer, realm, by_header)

    def test_a_session_is_nobodys_elsewhere(self):
        for home, token in self.tokens.items():
            for realm in ROUTES.keys() - {home}:
                with self.subTest((home, realm)):
                    header = ("Authorization", "Bearer " + token)
                    self.assert_refused(self.verify(realm, header), realm, False)

    def test_nor_is_it_over_the_rpc(self):
        for home, credential in [*self.keys.items(), *self.tokens.items()]:
            for realm in ROUTES.keys() - {home}:
                told = self.daemon.call("AuthService/Authenticate", {
                    "realm": realm,
                    "credentials": [{"kind": "CREDENTIAL_KIND_BEARER", "value": credential}],
                }).json
                self.assertEqual((told["allowed"], told["reason"]),
                                 (False, "DENY_REASON_UNKNOWN_CREDENTIAL"), (home, realm))

    def test_service_keys_open_no_product(self):
        _, key = self.daemon.create_key("latchkey", scopes=["auth.verify"], realms=["*"])
        for realm in ROUTES:
            self.assert_refused(
                self.verify(realm, ("Authorization", "Bearer " + key)), realm, False)


if __name__ == "__main__":
    unittest.main()
