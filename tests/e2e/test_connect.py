# SPDX-License-Identifier: MIT
"""The Connect protocol on the operations address, of latchkeyd and of latchkey-bridge. Binary
messages are written and read by protoc."""

import base64
import concurrent.futures
import json
import pathlib
import re
import secrets
import signal
import subprocess
import unittest

from harness import Daemon, free_port
from people import PASSWORD
from rest import Bridge, Web

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
JSON, BINARY = "application/json", "application/proto"

REALMS = """\
realms:
  shop:
    permissions: [orders.read, orders.write]
    passwords: { length_min: 8, argon2_memory_kib: 64, argon2_passes: 1 }
    http: { listen: ['127.0.0.1:%(shop)d'] }
  blog: { permissions: [posts.read] }
"""

# Their scope is nobody's: they may be called without a credential.
OPEN = {
    "HealthService/Check": {},
    "ReflectionService/GetDescriptors": {},
    "KeyringService/GetKeySet": {"realm": "shop"},
}

HTTP_STATUS = {
    "canceled": 499, "unknown": 500, "invalid_argument": 400, "deadline_exceeded": 504,
    "not_found": 404, "already_exists": 409, "permission_denied": 403, "resource_exhausted": 429,
    "failed_precondition": 400, "aborted": 409, "out_of_range": 400, "unimplemented": 501,
    "internal": 500, "unavailable": 503, "data_loss": 500, "unauthenticated": 401,
}


LIST = {"realm": "shop"}


class InDaemon:
    """latchkeyd serves HTTP itself."""

    def __init__(self):
        self.ports = {"operations": free_port(), "shop": free_port()}
        self.config = "http: { operations: '127.0.0.1:%(operations)d' }\n" % self.ports
        self.config += REALMS % self.ports
        self.server = None
        self.make()

    def make(self):
        self.daemon = Daemon(self.config)

    def start(self):
        self.daemon.start()

    def clean_up(self):
        self.daemon.clean_up()


class OverTcp(InDaemon):
    """latchkey-bridge serves HTTP, with a service key that may do everything there is."""

    def make(self):
        realms = REALMS % self.ports
        self.daemon = Daemon("".join(
            line for line in realms.splitlines(keepends=True) if "listen" not in line))

    def make_bridge(self):
        key = self.daemon.service_key_file("bridge.key", "*")
        return Bridge(self.daemon.directory, self.config, self.daemon.tcp, key)

    def start(self):
        self.daemon.start()
        self.server = self.make_bridge()
        self.server.start()

    def clean_up(self):
        if self.server is not None:
            self.server.clean_up()
        self.daemon.clean_up()


class OverIpc(OverTcp):
    """The same as the operator, who needs no key at all."""

    def make_bridge(self):
        return Bridge(self.daemon.directory, self.config, self.daemon.operator)


def protoc(verb, message, data):
    """`verb` is "encode", from text to bytes, or "decode", back."""
    return subprocess.run(
        ["protoc", f"--{verb}=latchkey.v1.{message}", f"-I{PROTO}",
         *sorted(str(path) for path in (PROTO / "latchkey/v1").glob("*.proto"))],
        input=data, capture_output=True, check=True,
    ).stdout


def encode(message, text):
    return protoc("encode", message, text.encode())


def decode(message, data):
    return protoc("decode", message, data).decode()


class ConnectTest(unittest.TestCase):
    """One system for all tests of a class."""

    system_class = InDaemon

    @classmethod
    def setUpClass(cls):
        cls.system = cls.system_class()
        cls.addClassCleanup(cls.system.clean_up)
        cls.system.start()
        cls.daemon = cls.system.daemon
        cls.web = Web(cls.system.ports["operations"])
        _, cls.key = cls.service_key("*")

    @classmethod
    def service_key(cls, *scopes, realms=("*",)):
        return cls.daemon.create_key("latchkey", scopes=list(scopes), realms=list(realms))

    def post(self, method, body, *headers, key=None, content_type=JSON):
        """`key`: None for one that may do everything, "" for none."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if key is None:
            key = self.key
        if key:
            headers += (("Authorization", "Bearer " + key),)
        if content_type is not None:
            headers += (("Content-Type", content_type),)
        return self.web.ask("POST", "/latchkey.v1." + method, *headers, body=body)

    def ask(self, method, request, *headers, **more):
        """The answer to a call that goes well."""
        answer = self.post(method, request, *headers, **more)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def assert_error(self, answer, code, status=None):
        """The error as the protocol has it; returns it."""
        self.assertEqual(answer.status, status or HTTP_STATUS[code], answer)
        self.assertEqual(answer.header("Content-Type"), JSON)
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        self.assertEqual(answer.json["code"], code)
        self.assertTrue(answer.json["message"])
        self.assertLessEqual(set(answer.json), {"code", "message", "details"})
        return answer.json

    def details(self, error):
        """The one detail of an error: what it shows, once its bytes are found to say the same."""
        (detail,) = error["details"]
        self.assertEqual(detail["type"], "latchkey.v1.ErrorDetails")
        value = detail["value"]
        self.assertNotIn("=", value)
        packed = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
        text = decode("ErrorDetails", packed)
        debug = detail["debug"]
        for violation in debug.get("fieldViolations", ()):
            self.assertIn(f'field: "{violation["field"]}"', text)
            self.assertIn(f'description: "{violation["description"]}"', text)
        self.assertEqual("field_violations" in text, "fieldViolations" in debug)
        self.assertEqual("retry_delay" in text, "retryDelay" in debug)
        self.assertIn(f'reason: {debug["reason"]}' if "reason" in debug else "", text)
        return debug

    def methods(self):
        """{method: its scope, "-" for none}, of all that the server has."""
        rows = re.findall(r"^\| \d+ \| `(\w+)\.(\w+)`[ *]* \| \d \| `?([\w.]+|-)`? \|",
                          (PROTO / "PROTOCOL.md").read_text(), re.MULTILINE)
        methods = {f"{service}/{name}": scope for service, name, scope in rows}
        listed = json.loads(self.daemon.cli("--json", "call", "--list").out)
        self.assertEqual({name.removeprefix("latchkey.v1.") for name in listed}, set(methods))
        return methods


class Calls(ConnectTest):
    def test_a_key_lives_its_life_in_json(self):
        made = self.ask("KeyService/CreateKey",
                        {"realm": "shop", "name": "mine", "userId": "json",
                         "scopes": ["orders.read"]})
        self.assertTrue(made["secret"].startswith("shop_"))
        query = {"realm": "shop", "userId": "json"}
        [listed] = self.ask("KeyService/ListKeys", query)["keys"]
        self.assertEqual((listed["id"], listed["name"]), (made["key"]["id"], "mine"))
        self.assertEqual((listed["state"], listed["scopes"]), ("KEY_STATE_ACTIVE", ["orders.read"]))
        ask = {"realm": "shop", "credentials": [
            {"kind": "CREDENTIAL_KIND_API_KEY", "value": made["secret"]}]}
        self.assertTrue(self.ask("AuthService/Authenticate", ask)["allowed"])
        self.ask("KeyService/RevokeKey", {"realm": "shop", "id": made["key"]["id"]})
        verdict = self.ask("AuthService/Authenticate", ask)
        self.assertNotIn("allowed", verdict)
        self.assertEqual(verdict["reason"], "DENY_REASON_REVOKED")

    def test_the_same_in_binary(self):
        def call(method, text):
            name = method.split("/")[1]
            answer = self.post(method, encode(name + "Request", text), content_type=BINARY)
            self.assertEqual((answer.status, answer.header("Content-Type")), (200, BINARY))
            return decode(name + "Response", answer.body)

        made = call("KeyService/CreateKey",
                    'realm: "shop" name: "mine" user_id: "binary" scopes: "orders.read"')
        id, secret = (made.split(f'{name}: "')[1].split('"')[0] for name in ("id", "secret"))
        self.assertIn(f'id: "{id}"', call("KeyService/ListKeys",
                                          'realm: "shop" user_id: "binary"'))
        ask = ('realm: "shop" credentials { kind: CREDENTIAL_KIND_API_KEY value: "%s" }' % secret)
        self.assertIn("allowed: true", call("AuthService/Authenticate", ask))
        call("KeyService/RevokeKey", f'realm: "shop" id: "{id}"')
        self.assertIn("reason: DENY_REASON_REVOKED", call("AuthService/Authenticate", ask))

    def test_messages_may_be_empty_in_binary(self):
        answer = self.post("HealthService/Check", b"", content_type=BINARY)
        self.assertEqual(answer.status, 200)
        self.assertIn("status: SERVING_STATUS_SERVING", decode("HealthCheckResponse", answer.body))
        request = encode("ListKeysRequest", 'realm: "blog"')
        answer = self.post("KeyService/ListKeys", request, content_type=BINARY)
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.header("Content-Type"), BINARY)
        self.assertEqual(self.ask("KeyService/ListKeys", {"realm": "blog"}), {})

    def test_O1_every_function_is_a_call_over_http(self):
        methods = self.methods()
        self.assertGreater(len(methods), 25)
        for method in methods:
            answer = self.post(method, {})
            self.assertIn(answer.status, (200, 400), (method, answer))
            if answer.status == 400:
                self.assert_error(answer, "invalid_argument")

    def test_answers_are_not_for_caches(self):
        for content_type, body in ((JSON, b"{}"), (BINARY, b"")):
            answer = self.post("HealthService/Check", body, content_type=content_type)
            self.assertEqual(answer.header("Content-Type"), content_type)
            self.assertEqual(answer.header("Cache-Control"), "no-store")

    def test_members_that_the_message_does_not_have_are_ignored(self):
        request = {"realm": "blog", "colour": "red", "filter": {"deep": [1, None]}}
        self.assertEqual(self.ask("KeyService/ListKeys", request), {})

    def test_names_of_the_schema_are_understood_as_well(self):
        for name in ("pageSize", "page_size"):
            self.assertEqual(self.ask("KeyService/ListKeys", {"realm": "blog", name: 5}), {})

    def test_a_hundred_keys_of_the_largest_kind_are_one_answer(self):
        more = {"scopes": ["orders.read", "orders.write"], "name": "ä" * 100,
                "metadata": {f"m{i}": "x" * 100 for i in range(5)}}
        for i in range(100):
            self.ask("KeyService/CreateKey", {"realm": "shop", "userId": f"u{i}", **more})
        query = {"realm": "shop", "pageSize": 100}
        self.assertEqual(len(self.ask("KeyService/ListKeys", query)["keys"]), 100)
        request = encode("ListKeysRequest", 'realm: "shop" page_size: 100')
        answer = self.post("KeyService/ListKeys", request, content_type=BINARY)
        self.assertEqual(decode("ListKeysResponse", answer.body).count("\nkeys {") + 1, 100)


class Rules(ConnectTest):
    def check(self, *headers, **more):
        return self.post("HealthService/Check", {}, *headers, **more)

    def test_methods_are_called_by_post_alone(self):
        for verb in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            path = "/latchkey.v1.HealthService/Check?connect=v1&encoding=json&message=%7B%7D"
            answer = self.web.ask(verb, path, ("Content-Type", JSON))
            self.assert_error(answer, "unimplemented", 405)
            self.assertEqual(answer.header("Allow"), "POST")
        answer = self.web.ask("HEAD", "/latchkey.v1.HealthService/Check")
        self.assertEqual((answer.status, answer.body), (405, b""))

    def test_media_types_that_are_no_codec_are_refused(self):
        for type in (None, "", "text/plain", "application/connect+json", "application/grpc",
                     "application/connect+proto", "application/grpc+proto", "application/jsonx",
                     "application/x-www-form-urlencoded", "application/protobuf",
                     "application/json; charset=latin1", "application/json;boundary=x",
                     "application/json, application/proto", "application/proto;x"):
            answer = self.check(content_type=type)
            self.assert_error(answer, "invalid_argument", 415)
            self.assertEqual(answer.header("Accept-Post"), f"{JSON}, {BINARY}")

    def test_media_types_know_no_case_and_may_say_utf_8(self):
        for type in ("Application/JSON", "application/json;charset=utf-8",
                     "application/json; charset=UTF-8"):
            answer = self.check(content_type=type)
            self.assertEqual((answer.status, answer.header("Content-Type")), (200, JSON))

    def test_a_method_that_there_is_not_is_unimplemented(self):
        for path in ("KeyService/Listkeys", "KeyService/ListKeys/", "KeyService/", "KeyService",
                     "keyservice/ListKeys", "NoService/ListKeys", "KeyService//ListKeys",
                     "KeyService/ListKey", "KeyService/ListKeysX", "/ListKeys", ""):
            self.assert_error(self.post(path, {}), "unimplemented", 404)
            self.assert_error(self.post(path, {}, key=""), "unimplemented", 404)

    def test_what_is_no_path_of_a_service_is_not_found(self):
        for path in ("/latchkey.v2.KeyService/ListKeys", "/KeyService/ListKeys",
                     "//latchkey.v1.KeyService/ListKeys", "/x/latchkey.v1.KeyService/ListKeys",
                     "/latchkey%2Ev1.KeyService/ListKeys"):
            answer = self.web.ask("POST", path, body={})
            self.assertEqual((answer.status, answer.json["code"]), (404, "not_found"), path)

    def test_the_methods_are_on_no_other_address(self):
        web = Web(self.system.ports["shop"])
        answer = web.ask("POST", "/latchkey.v1.HealthService/Check", body={})
        self.assertEqual((answer.status, answer.json["code"]), (404, "not_found"))

    def test_the_version_of_the_protocol_is_1_where_it_is_said(self):
        name = "Connect-Protocol-Version"
        self.assertEqual(self.check().status, 200)
        self.assertEqual(self.check((name, "1")).status, 200)
        for values in (["2"], [""], ["1.0"], ["01"], ["v1"], ["1", "1"]):
            answer = self.check(*((name, value) for value in values))
            self.assertIn(name, self.assert_error(answer, "invalid_argument")["message"])

    def test_bodies_are_not_compressed(self):
        self.assertEqual(self.check(("Content-Encoding", "identity")).status, 200)
        for values in (["gzip"], ["br"], ["identity, gzip"], [""], ["identity", "gzip"]):
            answer = self.check(*(("Content-Encoding", value) for value in values))
            self.assertIn("identity", self.assert_error(answer, "unimplemented")["message"])
        answer = self.check(("Accept-Encoding", "gzip, br"))
        self.assertEqual((answer.status, answer.header("Content-Encoding")), (200, None))

    def test_a_timeout_is_a_number_of_at_most_ten_digits(self):
        name = "Connect-Timeout-Ms"
        for value in ("1000", "0000005000", "9999999999", "4294967295", "4294967296"):
            self.assertEqual(self.check((name, value)).status, 200)
        for values in (["-1"], ["+1"], [""], ["1.5"], ["1e3"], ["5s"], ["0x10"], ["1 000"],
                       ["12345678901"], ["00000000001"], ["\xb2"], ["1000", "1000"]):
            answer = self.check(*((name, value) for value in values))
            self.assertIn(name, self.assert_error(answer, "invalid_argument")["message"])

    def test_a_timeout_of_nothing_has_passed(self):
        for value in ("0", "0000000000"):
            answer = self.check(("Connect-Timeout-Ms", value))
            self.assert_error(answer, "deadline_exceeded")

    def test_what_is_no_message_is_an_invalid_argument(self):
        for body in (b"", b"{", b"[]", b"null", b"1", b"{}{}", b'{"realm": 1}', b"\xff",
                     b'{"realm": "a", "realm": "b"}', b'{"realm": "\\u0000"}'):
            self.assert_error(self.post("KeyService/ListKeys", body), "invalid_argument")
        for body in (b"\x0a", b"\x0a\x05shop", b"\x0a\x01\xff", b"\x0b", b"{}\xff"):
            answer = self.post("KeyService/ListKeys", body, content_type=BINARY)
            self.assert_error(answer, "invalid_argument")

    def test_bodies_are_bounded_and_their_length_is_told(self):
        for content_type in (JSON, BINARY):
            answer = self.post("HealthService/Check", b" " * 65537, content_type=content_type)
            self.assertEqual(answer.status, 413)
        # 64 KiB over HTTP are more than a frame holds.
        request = b'{"service": "%s"}' % (b"x" * 65000)
        self.assert_error(self.post("HealthService/Check", request), "invalid_argument")
        head = ("POST /latchkey.v1.HealthService/Check HTTP/1.1\r\nHost: x\r\n"
                "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        reply = self.web.raw(head.encode() + b"2\r\n{}\r\n0\r\n\r\n")
        self.assertTrue(reply.startswith(b"HTTP/1.1 411 "), reply)

    def test_a_trace_is_passed_on_and_a_strange_one_ignored(self):
        trace = "00-" + secrets.token_hex(16) + "-00f067aa0ba902b7-01"
        id, key = self.service_key("keys.read", realms=["blog"])
        header = ("Traceparent", trace)
        answer = self.post("KeyService/ListKeys", {"realm": "shop"}, header, key=key)
        self.assert_error(answer, "permission_denied")
        [line] = [line for line in self.daemon.log.read_text().splitlines() if trace in line]
        self.assertIn(id, line)
        self.assertNotIn(key, self.daemon.log.read_text())
        for values in (["x" * 129], ["\xff\xfe"], [trace, trace], [""]):
            headers = (("Traceparent", value) for value in values)
            self.assertEqual(self.check(*headers).status, 200)


class Errors(ConnectTest):
    def test_a_field_that_is_wrong_is_named(self):
        answer = self.post("KeyService/CreateKey", {"realm": "shop", "name": "a\nb"})
        error = self.assert_error(answer, "invalid_argument")
        [violation] = self.details(error)["fieldViolations"]
        self.assertEqual(violation["field"], "name")
        self.assertEqual(error["message"], f"name: {violation['description']}")
        self.assertNotIn("Retry-After", dict(answer.headers))

    def test_a_member_of_another_type_is_named_as_in_the_schema(self):
        for request, field in (({"pageSize": "many"}, "page_size"), ({"realm": [1]}, "realm")):
            answer = self.post("KeyService/ListKeys", request)
            error = self.assert_error(answer, "invalid_argument")
            self.assertEqual(self.details(error)["fieldViolations"][0]["field"], field)

    def test_errors_of_binary_calls_are_json(self):
        request = encode("ListKeysRequest", 'realm: "shop" page_size: -1')
        answer = self.post("KeyService/ListKeys", request, content_type=BINARY)
        error = self.assert_error(answer, "invalid_argument")
        self.assertEqual(self.details(error)["fieldViolations"][0]["field"], "page_size")

    def test_an_error_that_tells_no_more_has_no_details(self):
        answer = self.post("KeyService/GetKey", {"realm": "shop", "id": "key_" + "0" * 22})
        self.assertNotIn("details", self.assert_error(answer, "not_found"))

    def test_who_has_to_wait_is_told_how_long(self):
        user = {"realm": "shop", "email": "ada@example.org", "password": PASSWORD}
        self.ask("UserService/CreateUser", user)
        wrong = {**user, "password": "not the password", "clientAddress": "192.0.2.1"}
        for _ in range(25):
            # Shorter than the wait, so that nobody waits on the caller's behalf.
            answer = self.post("AuthService/SignIn", wrong, ("Connect-Timeout-Ms", "5000"))
            if answer.status != 401:
                break
            details = self.details(self.assert_error(answer, "unauthenticated"))
            self.assertEqual(details, {"reason": "ERROR_REASON_WRONG_CREDENTIALS"})
        details = self.details(self.assert_error(answer, "resource_exhausted"))
        self.assertEqual(details["reason"], "ERROR_REASON_TOO_MANY_ATTEMPTS")
        seconds = float(details["retryDelay"].removesuffix("s"))
        self.assertGreater(seconds, 5)
        self.assertGreaterEqual(int(answer.header("Retry-After")), seconds)
        self.assertLess(int(answer.header("Retry-After")), seconds + 1)


class WhoCalls(ConnectTest):
    def refused(self, method, request, *headers, **more):
        answer = self.post(method, request, *headers, **more)
        self.assert_error(answer, "unauthenticated")
        self.assertEqual(answer.header("WWW-Authenticate"), 'Bearer realm="latchkey"')

    def test_without_a_credential_every_method_with_a_scope_is_refused(self):
        methods = self.methods()
        self.assertEqual({name for name, scope in methods.items() if scope == "-"}, set(OPEN))
        for method, scope in methods.items():
            if scope != "-":
                self.refused(method, {"realm": "shop"}, key="")
                self.refused(method, b"", key="", content_type=BINARY)

    def test_methods_without_a_scope_are_for_everybody(self):
        for method, request in OPEN.items():
            for key in ("", "latchkey_nonsense", self.key):
                self.assertTrue(self.ask(method, request, key=key), method)

    def test_what_is_no_service_key_is_nobody(self):
        id, shop_key = self.daemon.create_key("shop", scopes=["*"])
        for value in ("", "Bearer", "Bearer ", "Bearer none", "Basic " + self.key, self.key,
                      "Bearer" + self.key, f"Bearer {self.key}x", f"Bearer {self.key[:-1]}",
                      f"Bearer {self.key} ,", "Bearer " + "x" * 512, "Bearer " + "x" * 513,
                      "Bearer " + "x" * 8000, "Bearer \xff\xfe", "Bearer " + shop_key):
            self.refused("KeyService/ListKeys", LIST, ("Authorization", value), key="")
        for name in ("X-Api-Key", "Cookie", "Proxy-Authorization", "X-Authorization"):
            header = (name, "Bearer " + self.key)
            self.refused("KeyService/ListKeys", LIST, header, key="")

    def test_the_scheme_knows_no_case(self):
        for scheme in ("bearer", "BEARER", "Bearer  "):
            header = ("Authorization", f"{scheme} {self.key}")
            self.ask("KeyService/ListKeys", LIST, header, key="")

    def test_a_key_without_the_scope_is_refused(self):
        _, key = self.service_key("keys.read")
        self.ask("KeyService/ListKeys", LIST, key=key)
        for method in ("KeyService/CreateKey", "AuthService/Authenticate", "UserService/GetUser"):
            answer = self.post(method, {"realm": "shop"}, key=key)
            self.assert_error(answer, "permission_denied")
            self.assertIsNone(answer.header("WWW-Authenticate"))

    def test_a_key_of_other_realms_is_refused(self):
        _, key = self.service_key("*", realms=["shop"])
        self.ask("KeyService/ListKeys", LIST, key=key)
        for realm in ("blog", "latchkey", "nowhere"):
            answer = self.post("KeyService/ListKeys", {"realm": realm}, key=key)
            self.assert_error(answer, "permission_denied")

    def test_a_key_gives_no_more_than_it_has(self):
        _, key = self.service_key("keys.manage", realms=["shop", "latchkey"])
        for more in ({"scopes": ["keys.read"], "realms": ["shop"]},
                     {"scopes": ["keys.manage"], "realms": ["*"]}):
            answer = self.post(
                "KeyService/CreateKey", {"realm": "latchkey", "name": "x", **more}, key=key)
            self.assert_error(answer, "permission_denied")

    def test_a_revoked_key_is_refused_at_once(self):
        id, key = self.service_key("keys.read")
        self.ask("KeyService/ListKeys", LIST, key=key)
        revoke = {"realm": "latchkey", "id": id}
        self.assertEqual(self.daemon.call("KeyService/RevokeKey", revoke).code, 0)
        self.refused("KeyService/ListKeys", LIST, key=key)

    def test_a_key_that_is_disabled_is_refused_until_it_is_not(self):
        id, key = self.service_key("keys.read")
        update = "KeyService/UpdateKey"
        change = {"realm": "latchkey", "id": id, "updateMask": "enabled"}
        self.assertEqual(self.daemon.call(update, {**change, "enabled": False}).code, 0)
        self.refused("KeyService/ListKeys", LIST, key=key)
        self.assertEqual(self.daemon.call(update, {**change, "enabled": True}).code, 0)
        self.ask("KeyService/ListKeys", LIST, key=key)

    def test_calls_of_several_callers_on_one_connection_are_each_their_own(self):
        _, reader = self.service_key("keys.read")
        connection = self.web.connect()
        self.addCleanup(connection.close)
        for key, status in ((self.key, 400), (None, 401), (reader, 403), (self.key, 400)):
            headers = (("Authorization", f"Bearer {key}"),) if key else ()
            answer = self.web.ask("POST", "/latchkey.v1.KeyService/CreateKey", *headers,
                                  body={"realm": "shop"}, connection=connection)
            self.assertEqual(answer.status, status)


class Once(ConnectTest):
    request = {"realm": "shop", "name": "once"}

    def create(self, idempotency_key, request=None, **more):
        headers = (("Idempotency-Key", idempotency_key),) if idempotency_key is not None else ()
        return self.post("KeyService/CreateKey", request or self.request, *headers, **more)

    def test_a_change_with_the_same_key_is_the_same_change(self):
        before = len(self.ask("KeyService/ListKeys", {"realm": "shop"}).get("keys", ()))
        answers = [self.create("the same for all three").json for _ in range(3)]
        self.assertTrue(answers[0]["secret"])
        self.assertEqual(answers, answers[:1] * 3)
        after = len(self.ask("KeyService/ListKeys", {"realm": "shop"})["keys"])
        self.assertEqual(after - before, 1)

    def test_without_a_key_each_is_a_change_of_its_own(self):
        self.assertNotEqual(self.create(None).json["secret"], self.create(None).json["secret"])

    def test_a_key_for_another_request_is_told(self):
        self.create("used for a request")
        answer = self.create("used for a request", {"realm": "shop", "name": "another"})
        details = self.details(self.assert_error(answer, "already_exists"))
        self.assertEqual(details, {"reason": "ERROR_REASON_IDEMPOTENCY_KEY_REUSED"})

    def test_keys_of_two_callers_have_nothing_to_do_with_each_other(self):
        _, other = self.service_key("keys.manage")
        answers = [self.create("shared by chance only", key=key) for key in (None, other)]
        self.assertNotEqual(answers[0].json["secret"], answers[1].json["secret"])

    def test_a_key_has_16_to_64_bytes(self):
        for key in ("x" * 16, "y" * 64):
            self.assertEqual(self.create(key).status, 200)
        for key in ("", "x" * 15, "x" * 65, "x" * 500):
            self.assert_error(self.create(key), "invalid_argument")
        twice = (("Idempotency-Key", "x" * 20),) * 2
        answer = self.post("KeyService/CreateKey", self.request, *twice)
        self.assert_error(answer, "invalid_argument")


class Late(ConnectTest):
    """A server that does not answer."""

    system_class = OverTcp

    def test_a_call_ends_at_its_deadline_and_no_other_does(self):
        self.ask("HealthService/Check", {})
        self.daemon.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.daemon.process.send_signal, signal.SIGCONT)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            patient = pool.submit(self.ask, "HealthService/Check", {})
            for method in ("HealthService/Check", "KeyService/CreateKey"):
                answer = self.post(method, LIST, ("Connect-Timeout-Ms", "50"))
                self.assert_error(answer, "deadline_exceeded")
            self.daemon.process.send_signal(signal.SIGCONT)
        self.assertEqual(patient.result()["status"], "SERVING_STATUS_SERVING")


class Gone(ConnectTest):
    system_class = OverTcp

    def test_without_the_server_it_is_unavailable(self):
        self.daemon.stop()
        for key in (None, ""):
            answer = self.post("KeyService/ListKeys", {"realm": "shop"}, key=key)
            self.assert_error(answer, "unavailable")


def load_tests(loader, standard_tests, pattern):
    suite = unittest.TestSuite(standard_tests)
    for system in (OverTcp, OverIpc):
        for case in (Calls, Rules, Errors, WhoCalls, Once):
            name = f"{case.__name__}{system.__name__}"
            suite.addTests(loader.loadTestsFromTestCase(
                type(name, (case,), {"system_class": system})))
    return suite


if __name__ == "__main__":
    unittest.main()
