# SPDX-License-Identifier: MIT
"""The claims of BrikSync's document, one test each: docs/systems.md has them by number."""

import time

from briksync import (
    CATALOG, FORBIDDEN, KEYS, NOT_FOUND, UNAUTHORIZED, UPGRADE, BriksyncTest, base64url, invalid,
    sign, stripe_signature,
)
from demo import CRON_SECRET
from incrm import bearer

CRON = "/api/cron/nightly"
STRIPE = "/api/webhooks/stripe"
EVENT = b'{"id": "evt_1", "type": "invoice.paid"}'
BAD_NETWORKS = {
    "203.0.113.0/33": "a network has a bad prefix length",
    "203.0.113.1/24": "a network has bits set beyond its prefix length",
    "2001:db8::1/32": "a network has bits set beyond its prefix length",
    "nonsense": "a network is an IP address or a CIDR block",
    "": "a network is an IP address or a CIDR block",
}


class Claims(BriksyncTest):
    def test_K1_there_are_two_kinds(self):
        person = self.person()
        key = self.create(person)["key"]
        self.assertRegex(key, r"^brik_live_[0-9A-Za-z]{49}$")
        for header in (person, bearer(key)):
            self.assert_allowed(self.verify(header))
        self.assert_error(self.verify(), UNAUTHORIZED)

    def test_K2_keys_go_with_the_plan(self):
        for plan in ("FREE", "PRO"):
            organization = self.organization(plan)
            person = self.person(organization)
            answer = self.web.ask("POST", KEYS, person, body={"name": "a"})
            self.assert_error(answer, UPGRADE)
            self.assertEqual(self.listed(person), [])
            self.assert_allowed(self.verify(person))

    def test_K2_a_key_stops_with_the_plan_and_comes_back(self):
        organization = self.organization()
        key = bearer(self.create(self.person(organization))["key"])
        for plan in ("PRO", "FREE", ""):
            self.set_plan(organization, plan)
            self.assert_error(self.verify(key), UPGRADE)
        self.set_plan(organization, "BUSINESS")
        self.assert_allowed(self.verify(key))

    def test_K2_who_has_no_organization_has_no_plan(self):
        claims = self.claims("")
        del claims["app_metadata"]["organization_id"]
        for person in (bearer(sign(claims)), self.person("nobody-knows-it")):
            answer = self.web.ask("POST", KEYS, person, body={"name": "a"})
            self.assert_error(answer, UPGRADE)

    def test_K3_it_takes_an_admin(self):
        organization = self.organization()
        id = self.create(self.person(organization))["id"]
        for roles in (["viewer"], ["cron"], [], ["unheard-of"]):
            person = self.person(organization, roles)
            for method, path, body in (
                ("POST", KEYS, {"name": "a"}), ("GET", KEYS, None), ("GET", f"{KEYS}/{id}", None),
                ("PATCH", f"{KEYS}/{id}", {"name": "b"}), ("DELETE", f"{KEYS}/{id}", None),
                ("POST", f"{KEYS}/{id}/ip-restrictions", {"cidr": "192.0.2.1"}),
            ):
                self.assert_error(self.web.ask(method, path, person, body=body), FORBIDDEN)
        for roles in (["admin"], ["super-admin"], ["viewer", "admin"]):
            self.create(self.person(organization, roles))

    def test_K3_a_key_makes_no_keys(self):
        key = bearer(self.create(self.person())["key"])
        for method, body in (("POST", {"name": "a"}), ("GET", None)):
            self.assert_error(self.web.ask(method, KEYS, key, body=body), FORBIDDEN)
        self.assert_allowed(self.verify(key))

    def test_K4_a_key_has_a_name(self):
        person = self.person()
        for name in ("CRM Integration", "Accounting Sync"):
            self.assertEqual(self.create(person, name)["name"], name)
        why = "name: a name is 1 to 200 bytes of UTF-8 without control characters"
        for body in ({}, {"name": ""}, {"name": "x" * 201}):
            answer = self.web.ask("POST", KEYS, person, body=body)
            self.assert_error(answer, invalid(why))

    def test_K5_the_key_is_shown_once(self):
        person = self.person()
        answer = self.web.ask("POST", KEYS, person, body={"name": "a"})
        told = answer.json
        self.assertEqual(list(told), ["data", "error"])
        self.assertIsNone(told["error"])
        self.assertEqual(list(told["data"]), ["id", "name", "key", "createdAt", "ipAllowlist"])
        self.assertEqual(answer.header("Location"), f"{KEYS}/{told['data']['id']}")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        key = told["data"]["key"].encode()
        for path in (KEYS, f"{KEYS}/{told['data']['id']}"):
            self.assertNotIn(key, self.web.ask("GET", path, person).body)

    def test_K6_a_key_comes_as_a_bearer(self):
        key = self.create(self.person())["key"]
        self.assert_allowed(self.verify(("Authorization", "Bearer " + key)))
        self.assert_allowed(self.verify(("authorization", "bearer " + key)))
        for header in (("Authorization", key), ("Authorization", "Basic " + key),
                       ("X-Api-Key", key)):
            self.assert_error(self.verify(header), UNAUTHORIZED)

    def test_K7_missing_and_invalid_are_told_alike(self):
        key = self.create(self.person())["key"]
        for headers in ((), (bearer("x"),), (bearer(key[:-1] + "!"),),
                        (bearer("brik_live_" + "a" * 49),)):
            for answer in (self.verify(*headers), self.web.ask("GET", KEYS, *headers)):
                self.assert_error(answer, UNAUTHORIZED)
                told = 'Bearer realm="briksync"' + (', error="invalid_token"' if headers else "")
                self.assertEqual(answer.header("WWW-Authenticate"), told)

    def test_K8_a_list_shows_name_creation_and_last_use(self):
        person = self.person()
        self.assertEqual(self.web.ask("GET", KEYS, person).body, b'{"data":[],"error":null}')
        self.create(person, ipAllowlist=["192.0.2.0/24"])
        [told] = self.listed(person)
        self.assertEqual(list(told), ["id", "name", "keyPrefix", "createdAt", "lastUsedAt",
                                      "ipAllowlist"])
        self.assertRegex(told["createdAt"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertIsNone(told["lastUsedAt"])
        self.assertRegex(told["keyPrefix"], r"^brik_live_\w{4}$")
        # And only one's own.
        self.assertEqual(self.listed(self.person()), [])

    def test_K9_renaming_changes_the_name_alone(self):
        person = self.person()
        made = self.create(person, ipAllowlist=["192.0.2.0/24"])
        path = f"{KEYS}/{made['id']}"
        before = self.web.ask("GET", path, person).json["data"]
        answer = self.web.ask("PATCH", path, person, body={"name": "New"})
        self.assertEqual((answer.status, answer.json["data"]), (200, {**before, "name": "New"}))
        self.assertEqual(self.web.ask("GET", path, person).json["data"], answer.json["data"])
        self.assert_allowed(self.come_from("192.0.2.7", made["key"]))
        answer = self.web.ask("PATCH", path, person, body={})
        self.assert_error(answer, invalid("name: it or ipAllowlist is needed"))

    def test_K10_a_revoked_key_is_refused_at_once(self):
        person = self.person()
        for _ in range(20):
            made = self.create(person)
            self.assert_allowed(self.verify(bearer(made["key"])))
            answer = self.web.ask("DELETE", f"{KEYS}/{made['id']}", person)
            self.assertEqual((answer.status, answer.body), (204, b""))
            self.assert_error(self.verify(bearer(made["key"])), UNAUTHORIZED)
        self.assertEqual(self.listed(person), [])

    def test_K11_addresses_are_added(self):
        person = self.person()
        made = self.create(person)
        path = f"{KEYS}/{made['id']}/ip-restrictions"
        for n, cidr in enumerate(("203.0.113.0/24", "198.51.100.7"), 1):
            answer = self.web.ask("POST", path, person, body={"cidr": cidr})
            self.assertEqual((answer.status, len(answer.json["data"]["ipAllowlist"])), (201, n))
        for address in ("203.0.113.1", "203.0.113.255", "198.51.100.7"):
            self.assert_allowed(self.come_from(address, made["key"]))
        for address in ("203.0.114.1", "198.51.100.8"):
            self.assert_error(self.come_from(address, made["key"]), UNAUTHORIZED)
        answer = self.web.ask("PATCH", f"{KEYS}/{made['id']}", person,
                              body={"ipAllowlist": ["198.51.100.8"]})
        self.assertEqual(answer.json["data"]["ipAllowlist"], ["198.51.100.8"])
        self.assert_allowed(self.come_from("198.51.100.8", made["key"]))
        self.assert_error(self.come_from("203.0.113.1", made["key"]), UNAUTHORIZED)

    def test_K12_from_elsewhere_it_is_401(self):
        made = self.create(self.person(), ipAllowlist=["203.0.113.0/24"])
        answer = self.come_from("192.0.2.1", made["key"])
        self.assert_error(answer, UNAUTHORIZED)
        self.assertEqual(answer.header("WWW-Authenticate"),
                         'Bearer realm="briksync", error="invalid_token"')
        # What the client itself puts in front of the proxy's entry does not count.
        self.assert_error(self.come_from("203.0.113.1, 192.0.2.1", made["key"]), UNAUTHORIZED)

    def test_K13_without_a_restriction_it_works_from_everywhere(self):
        person = self.person()
        made = self.create(person, ipAllowlist=["203.0.113.0/24"])
        path = f"{KEYS}/{made['id']}/ip-restrictions"
        self.assert_error(self.come_from("192.0.2.1", made["key"]), UNAUTHORIZED)
        answer = self.web.ask("DELETE", f"{path}/203.0.113.0%2F24", person)
        self.assertEqual((answer.status, answer.body), (204, b""))
        for address in ("192.0.2.1", "203.0.113.1", "2001:db8::1"):
            self.assert_allowed(self.come_from(address, made["key"]))
        answer = self.web.ask("DELETE", f"{path}/203.0.113.0%2F24", person)
        self.assert_error(answer, NOT_FOUND)

    def test_K14_addresses_of_both_kinds(self):
        person = self.person()
        made = self.create(person, ipAllowlist=["2001:db8::/32", "192.0.2.1"])
        for address in ("2001:db8:1::1", "192.0.2.1", "::ffff:192.0.2.1"):
            self.assert_allowed(self.come_from(address, made["key"]))
        self.assert_error(self.come_from("2001:db9::1", made["key"]), UNAUTHORIZED)
        path = f"{KEYS}/{made['id']}"
        for bad, why in BAD_NETWORKS.items():
            answer = self.web.ask("POST", path + "/ip-restrictions", person, body={"cidr": bad})
            self.assert_error(answer, invalid(f"cidr: {why}"))
            for method, where in (("POST", KEYS), ("PATCH", path)):
                answer = self.web.ask(method, where, person,
                                      body={"name": "a", "ipAllowlist": [bad]})
                self.assert_error(answer, invalid(f"ipAllowlist: {why}"))

    def test_K15_a_token_of_the_issuer_is_a_session(self):
        claims = self.claims(self.organization(), ["viewer"])
        answer = self.verify(bearer(sign(claims)))
        self.assert_allowed(answer)
        self.assertEqual(answer.header("X-Latchkey-User"), claims["sub"])
        self.assertEqual(answer.header("X-Latchkey-Roles"), "viewer")
        for bad in (
            sign(claims, secret="another secret of thirty-two bytes"),
            sign({**claims, "iss": "https://evil.example/auth/v1"}),
            sign({**claims, "aud": "anon"}),
            sign({**claims, "nbf": time.time() + 3600}),
            sign({**claims, "sub": ""}),
            sign({name: value for name, value in claims.items() if name != "exp"}),
            sign(claims, header={"alg": "none", "typ": "JWT"}),
            sign(claims, header={"alg": "HS512", "typ": "JWT"}),
            sign(claims)[:-4] + "AAAA",
            ".".join([base64url(b'{"alg":"none"}').decode(), sign(claims).split(".")[1], ""]),
        ):
            self.assert_error(self.verify(bearer(bad)), UNAUTHORIZED)
        self.assert_error(self.verify(bearer(sign(claims)), method="POST", uri="/api/inventory"),
                          FORBIDDEN)

    def test_K16_the_callback_needs_nobody(self):
        for headers in ((), (bearer("x"),)):
            self.assert_allowed(self.verify(*headers, uri="/api/auth/callback?code=1"))
            self.assert_allowed(self.verify(*headers, uri="/api/auth/callback", method="POST"))
        self.assert_error(self.verify(uri="/api/auth/callback/more"), FORBIDDEN)

    def test_K17_cron_has_its_secret(self):
        person = self.person()
        self.assert_allowed(self.verify(bearer(CRON_SECRET), uri=CRON))
        self.assert_error(self.verify(uri=CRON), UNAUTHORIZED)
        self.assert_error(self.verify(bearer(CRON_SECRET + "x"), uri=CRON), UNAUTHORIZED)
        for header in (person, bearer(self.create(person)["key"])):
            self.assert_error(self.verify(header, uri=CRON), FORBIDDEN)
        # And it is good for nothing else.
        self.assert_error(self.verify(bearer(CRON_SECRET)), FORBIDDEN)
        self.assert_error(self.web.ask("GET", KEYS, bearer(CRON_SECRET)), FORBIDDEN)

    def stripe(self, signature, body=EVENT, *headers):
        signed = [("Stripe-Signature", signature)] if signature is not None else []
        return self.verify(*signed, *headers, method="POST", uri=STRIPE, body=body)

    def test_K18_stripe_signs(self):
        at, mac = stripe_signature(EVENT)
        answer = self.stripe(f"t={at},v1={mac}")
        self.assert_allowed(answer)
        self.assertEqual(answer.header("X-Latchkey-Subject"), "webhook:stripe")
        # While its secret is rolled; and with what else may come.
        self.assert_allowed(self.stripe(f"t={at},v1={'0' * 64},v1={mac},v0=x"))
        self.assert_error(self.stripe(f"t={at},v1={mac}", EVENT + b" "), UNAUTHORIZED)
        self.assert_error(self.stripe(f"t={at + 1},v1={mac}"), UNAUTHORIZED)
        for wrong in (None, "", "t=,v1=", f"v1={mac}", f"t={at}", f"t={at},v0={mac}",
                      f"t={at},t={at},v1={mac}", f"t={at},v1={mac[:-1]}", "x" * 4000,
                      f"t={at}," + f"v1={'0' * 64}," * 9 + f"v1={mac}"):
            self.assert_error(self.stripe(wrong), UNAUTHORIZED)

    def test_K18_the_time_is_near(self):
        now = int(time.time())
        for away, is_allowed in ((-290, True), (290, True), (-310, False), (320, False)):
            at, mac = stripe_signature(EVENT, now + away)
            answer = self.stripe(f"t={at},v1={mac}")
            if is_allowed:
                self.assert_allowed(answer)
            else:
                self.assert_error(answer, UNAUTHORIZED)

    def test_K18_no_other_credential_helps(self):
        person = self.person()
        for header in (person, bearer(self.create(person)["key"]), bearer(CRON_SECRET)):
            self.assert_error(self.stripe(None, EVENT, header), UNAUTHORIZED)
        at, mac = stripe_signature(EVENT)
        both = ("Stripe-Signature", f"t={at},v1={mac}")
        answer = self.stripe(f"t={at},v1={mac}", EVENT, both)
        self.assert_error(answer, invalid("one credential at a time"))
        # Nor does a signature help elsewhere.
        answer = self.verify(both, method="POST", uri="/api/inventory", body=EVENT)
        self.assert_error(answer, UNAUTHORIZED)
        # Of whom nobody hands in the body, nobody knows what was signed.
        self.assert_error(self.verify(both, method="POST", uri=STRIPE), UNAUTHORIZED)

    def test_K18_a_large_event(self):
        body = b'{"id": "' + b"x" * 40000 + b'"}'
        at, mac = stripe_signature(body)
        self.assert_allowed(self.stripe(f"t={at},v1={mac}", body))
        body = b"x" * 50000
        at, mac = stripe_signature(body)
        self.assertEqual(self.stripe(f"t={at},v1={mac}", body).status, 413)

    def test_K19_a_session_ends_by_itself(self):
        organization = self.organization()
        person = self.person(organization, exp=time.time() + 1)
        self.assert_allowed(self.verify(person))
        self.assert_error(self.verify(self.person(organization, exp=time.time() - 1)), UNAUTHORIZED)
        time.sleep(1.1)
        self.assert_error(self.verify(person), UNAUTHORIZED)
        self.assert_error(self.web.ask("GET", KEYS, person), UNAUTHORIZED)

    def test_K20_the_last_use_is_told(self):
        person = self.person()
        used, idle = self.create(person), self.create(person)
        self.assert_allowed(self.verify(bearer(used["key"])))
        deadline = time.monotonic() + 30
        while True:
            told = {key["id"]: key["lastUsedAt"] for key in self.listed(person)}
            if told[used["id"]] is not None or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        self.assertRegex(told[used["id"]], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertIsNone(told[idle["id"]])


class Decisions(BriksyncTest):
    def test_what_is_not_ones_own_is_not_there(self):
        organization = self.organization()
        person, other = self.person(organization), self.person(organization)
        id = self.create(other)["id"]
        for path in (id, "key_abc", "x"):
            for method, more, body in (
                ("GET", "", None), ("DELETE", "", None), ("PATCH", "", {"name": "a"}),
                ("POST", "/ip-restrictions", {"cidr": "192.0.2.1"}),
                ("DELETE", "/ip-restrictions/192.0.2.1", None),
            ):
                answer = self.web.ask(method, f"{KEYS}/{path}{more}", person, body=body)
                self.assert_error(answer, NOT_FOUND)
        self.assertEqual([key["id"] for key in self.listed(other)], [id])

    def test_revoking_twice_is_not_found(self):
        person = self.person()
        path = f"{KEYS}/{self.create(person)['id']}"
        self.assertEqual(self.web.ask("DELETE", path, person).status, 204)
        for method, body in (("DELETE", None), ("GET", None), ("PATCH", {"name": "a"})):
            self.assert_error(self.web.ask(method, path, person, body=body), NOT_FOUND)

    def test_a_disabled_organization_is_refused(self):
        organization = self.organization()
        person = self.person(organization)
        key = bearer(self.create(person)["key"])
        self.set_organization(organization, enabled=False)
        for header in (person, key):
            self.assert_error(self.verify(header), UNAUTHORIZED)
        self.set_organization(organization, enabled=True)
        self.assert_allowed(self.verify(key))

    def test_a_subject_is_none_of_our_users(self):
        user = self.call("UserService/CreateUser", email="a@example.com")["user"]
        self.assert_error(self.verify(self.person(sub=user["id"])), UNAUTHORIZED)

    def test_another_realm_has_keys_of_its_own(self):
        key = self.create(self.person())["key"]
        self.assert_error(self.verify(bearer(key), realm="other"), UNAUTHORIZED)

    def test_the_document_is_served(self):
        answer = self.web.ask("GET", "/api/openapi.json")
        self.assertEqual((answer.status, answer.json["openapi"]), (200, "3.1.0"))
        self.assertEqual(self.verify(uri="/api/nothing").status, 403)
        self.assert_error(self.web.ask("GET", "/api/nothing"), NOT_FOUND)
        self.assertEqual(self.web.ask("PUT", KEYS).header("Allow"), "GET, HEAD, POST, OPTIONS")
        self.assert_allowed(self.verify(self.person(), uri=CATALOG + "?page=2"))
