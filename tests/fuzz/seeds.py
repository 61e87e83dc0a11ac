#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the seeds of the corpora: small, sound inputs that mutation starts from.

Seeds are named seed-*; other files of a corpus are what fuzzing found.
"""

import base64
import hashlib
import hmac
import pathlib
import struct
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests/fuzz/corpus"

SERVICE_SECRET = b"latchkey_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA22I3BT"
CRM_SECRET = "crm_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA02r8dB"
ID = "01tRy6czI6jAOLpZvq3hw1"  # 16 times the byte 1
KEY_ID = "key_" + ID
REALM_BYTES = {"crm": 3, "shop": 4, "web": 5}
SESSION_TOKEN = "lks_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA3d3L1n"
REFRESH_TOKEN = "lkr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1rO55z"
# By the Ed25519 key of the seed 01 00 ... 00, of what access_token("shop") makes.
SHOP_SIGNATURE = ("8hLMUMck8OpDcKz3Jh_M1UV0DCsmET62krg8avKw83E2MO8k"
                  "V9dtPREtpjBgCefC3Vioc7aAmolcBUm29P0VAA")
FAST, CRYPTO, READ, WRITE, HASH = 1, 2, 3, 4, 5


def encode(file, message, text):
    """A message of proto/ or server/ or tests/schema, from protobuf's text format."""
    where = {"server/store/records.proto": ROOT, "every_type.proto": ROOT / "tests/schema"}
    return subprocess.run(
        ["protoc", f"-I{where.get(file, ROOT / 'proto')}", f"-I{ROOT / 'proto'}",
         f"--encode={message}", file], input=text.encode(), stdout=subprocess.PIPE,
        cwd=ROOT, check=True).stdout


def key_request(name, text):
    return encode("latchkey/v1/key.proto", f"latchkey.v1.{name}Request", text)


def call(method, number, body=b"", metadata=b"", subject=b"", remaining=0):
    return struct.pack(">HIIHHI", method, number, remaining, len(metadata), len(subject),
                       len(body)) + metadata + subject + body


def frame(lane, *calls, credential=b""):
    return struct.pack(">BBHH", 1, lane, len(calls), len(credential)) + credential + b"".join(calls)


def reply(number, code=0, why=b"", details=b"", body=b""):
    return struct.pack(">IBHHI", number, code, len(why), len(details), len(body)) + \
        why + details + body


def reply_frame(*replies):
    return struct.pack(">BBH", 1, 0, len(replies)) + b"".join(replies)


def put(target, **seeds):
    directory = CORPUS / target
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        data = data.encode() if isinstance(data, str) else data
        (directory / f"seed-{name}").write_bytes(data)


def base64url(data):
    data = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def realm_id(realm):
    """What stands behind the prefix in the ids of the user, session and signing key of people.c."""
    number = int.from_bytes(bytes([REALM_BYTES[realm]] * 16), "big")
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    return "".join(digits[number // 62**place % 62] for place in reversed(range(22)))


def payload(realm, of):
    return (f'{{"iss":"latchkey/{realm}","sub":"user_{of}","aud":"{realm}","sid":"ses_{of}",'
            f'"jti":"{ID}","iat":1767225600,"exp":1767226200}}')


def access_token(realm):
    """The one of the session in people.c."""
    if realm == "crm":
        return SESSION_TOKEN
    algorithm = {"shop": "EdDSA", "web": "HS256"}[realm]
    header = f'{{"alg":"{algorithm}","typ":"at+jwt","kid":"sig_{realm_id(realm)}"}}'
    text = base64url(header) + "." + base64url(payload(realm, realm_id(realm)))
    key = bytes([1]) + bytes(31)
    mac = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return text + "." + (SHOP_SIGNATURE if realm == "shop" else base64url(mac))


METADATA = encode("latchkey/v1/common.proto", "latchkey.v1.CallMetadata",
                  'idempotency_key: "0123456789abcdef" traceparent: "00-aa-bb-01"')
DETAILS = encode("latchkey/v1/common.proto", "latchkey.v1.ErrorDetails",
                 'field_violations { field: "id" description: "no" } retry_delay { seconds: 1 }')
CREATE = key_request("CreateKey", 'realm: "crm" name: "ci" user_id: "u_1" scopes: "records.*" '
                     'networks: "10.0.0.0/8" metadata { key: "a" value: "b" } '
                     'expires_at { seconds: 1798761600 }')

EVERY = encode("every_type.proto", "latchkey.test.EveryType",
               'a_int32: 1 a_string: "x" texts { key: "k" value: "v" } at { seconds: 1 } '
               'choice_message { a_bool: true }')


def dispatch():
    echo = key_request("GetKey", 'realm: "one" id: "hello"')
    put("dispatch",
        fast=b"\0" + frame(FAST, call(100, 0, echo), call(1, 1), credential=b"good"),
        read=b"\1" + frame(READ, call(201, 0, echo, METADATA), call(201, 1, echo, remaining=9)),
        write=b"\0" + frame(WRITE, call(200, 7, echo), credential=b"good"),
        crypto=b"\1" + frame(CRYPTO, call(300, 1, echo)),
        hash=b"\0" + frame(HASH, call(301, 1, echo), credential=b"bare"))


def frames(first, *all_frames):
    return first + b"".join(struct.pack(">H", len(one)) + one for one in all_frames)


def services():
    authenticate = encode(
        "latchkey/v1/auth.proto", "latchkey.v1.AuthenticateRequest",
        f'realm: "crm" credentials {{ kind: CREDENTIAL_KIND_API_KEY value: "{CRM_SECRET}" }} '
        'permissions: "records.read" client_address: "10.0.0.1" user_agent: "x"')
    named = f'realm: "crm" id: "{KEY_ID}"'
    put("services",
        authenticate=frames(b"\0", frame(FAST, call(100, 0, authenticate),
                                         credential=SERVICE_SECRET)),
        create=frames(b"\1", frame(WRITE, call(200, 0, CREATE, METADATA)),
                      frame(READ, call(202, 1, key_request("ListKeys", 'realm: "crm"')))),
        get=frames(b"\1", frame(READ, call(201, 0, key_request("GetKey", named)), call(2, 1))),
        list=frames(b"\1", frame(READ, call(202, 0, key_request(
            "ListKeys", 'realm: "crm" user_id: "u_1" page_size: 1')))),
        update=frames(b"\1", frame(WRITE, call(203, 0, key_request(
            "UpdateKey", named + ' name: "n" '
            'update_mask { paths: "name" }')))),
        rotate=frames(b"\1", frame(WRITE, call(204, 0, key_request("RotateKey", named)))),
        revoke=frames(b"\1", frame(WRITE, call(205, 0, key_request(
            "RevokeKey", named + " reason: REVOCATION_REASON_KEY_COMPROMISE"))),
            frame(FAST, call(100, 0, authenticate))),
        health=frames(b"\0", frame(FAST, call(1, 0))))


def ask(file, name, text):
    return encode(f"latchkey/v1/{file}.proto", f"latchkey.v1.{name}Request", text)


def authenticate(realm, more=""):
    """Of a bearer token; a JWT goes to the lane CRYPTO."""
    token = access_token(realm)
    body = ask("auth", "Authenticate", f'realm: "{realm}" credentials {{ '
               f'kind: CREDENTIAL_KIND_BEARER value: "{token}" }} with_permissions: true {more}')
    return frame(CRYPTO if "." in token else FAST, call(100, 0, body), credential=SERVICE_SECRET)


def subject(realm):
    return encode("latchkey/v1/common.proto", "latchkey.v1.Subject",
                  f'realm: "{realm}" credentials {{ kind: CREDENTIAL_KIND_BEARER '
                  f'value: "{access_token(realm)}" }} client_address: "10.0.0.1"')


def people():
    """People sign in, refresh, are asked about, and leave; each realm has its kind of token."""
    def for_ada(lane, number, file, name, realm, text):
        body = ask(file, name, f'realm: "{realm}" {text}')
        return frame(lane, call(number, 0, body, METADATA, subject(realm)),
                     credential=SERVICE_SECRET)

    def by_service(lane, number, file, name, realm, text):
        body = ask(file, name, f'realm: "{realm}" {text}')
        return frame(lane, call(number, 0, body, METADATA), credential=SERVICE_SECRET)

    for realm in REALM_BYTES:
        of = realm_id(realm)

        def sign_in(password, realm=realm):
            return by_service(HASH, 101, "auth", "SignIn", realm,
                              f'email: "Ada@Example.org" password: "{password}" '
                              'client_address: "10.0.0.1" user_agent: "x"')

        sign_out = by_service(CRYPTO, 103, "auth", "SignOut", realm,
                              f'access_token: "{access_token(realm)}" scope: SIGN_OUT_SCOPE_ALL')
        refresh = by_service(WRITE, 102, "auth", "RefreshToken", realm,
                             f'refresh_token: "{REFRESH_TOKEN}"')
        # Without metadata, so that it is not the recorded answer.
        reuse = frame(WRITE, call(102, 1, ask("auth", "RefreshToken", f'realm: "{realm}" '
                                              f'refresh_token: "{REFRESH_TOKEN}"')),
                      credential=SERVICE_SECRET)
        put("services", **{
            f"{realm}-sign-in": frames(b"\0", sign_in("open sesame"), sign_in("open sesame"),
                                       sign_in("close sesame")),
            f"{realm}-session": frames(b"\0", authenticate(realm, 'permissions: "records.read"'),
                                       refresh, refresh, reuse, authenticate(realm)),
            f"{realm}-sign-out": frames(b"\0", sign_out, sign_out, authenticate(realm)),
            f"{realm}-keys": frames(
                b"\0", for_ada(WRITE, 200, "key", "CreateKey", realm,
                               'name: "mine" scopes: "records.read"'),
                for_ada(READ, 202, "key", "ListKeys", realm, ""),
                for_ada(WRITE, 205, "key", "RevokeKey", realm, f'id: "{KEY_ID}"')),
            f"{realm}-self": frames(
                b"\0", for_ada(READ, 301, "user", "GetUser", realm, ""),
                for_ada(READ, 305, "user", "ListSessions", realm, ""),
                for_ada(HASH, 304, "user", "SetPassword", realm,
                        'password: "sesame, open" current_password: "open sesame"'),
                for_ada(WRITE, 306, "user", "EndSession", realm, f'id: "ses_{of}"'),
                for_ada(WRITE, 307, "user", "EndSessions", realm, "")),
            f"{realm}-users": frames(
                b"\1", frame(HASH, call(300, 0, ask("user", "CreateUser", f'realm: "{realm}" '
                                                    'email: "eve@example.org" name: "Eve" '
                                                    'password: "wide open sesame" '
                                                    'roles: "clerk" organization_id: "acme"'))),
                frame(READ, call(302, 0, ask("user", "ListUsers", f'realm: "{realm}" '
                                             'organization_id: "acme" page_size: 1')),
                      call(309, 1, ask("user", "GetOrganization", f'realm: "{realm}" id: "acme"'))),
                frame(WRITE,
                      call(303, 0, ask("user", "UpdateUser", f'realm: "{realm}" id: "user_{of}" '
                                       'email: "a@b.c" update_mask { paths: "email" '
                                       'paths: "enabled" }')),
                      call(308, 1, ask("user", "SetOrganization", f'realm: "{realm}" id: "acme" '
                                       'plan: "more" update_mask { paths: "plan" }')),
                      call(310, 2, ask("user", "ResetSignInLimits", f'realm: "{realm}" '
                                       'email: "a@b.c" client_address: "10.0.0.1"'))),
                frame(HASH, call(304, 0, ask("user", "SetPassword", f'realm: "{realm}" '
                                             f'user_id: "user_{of}" '
                                             'password: "wide open sesame"'))),
                authenticate(realm)),
            f"{realm}-keyring": frames(
                b"\1", frame(WRITE, call(400, 0, ask("keyring", "RotateSigningKey",
                                                     f'realm: "{realm}"')),
                             call(402, 1, ask("keyring", "RetireSigningKey",
                                              f'realm: "{realm}" id: "sig_{of}"'))),
                frame(READ, call(401, 0, ask("keyring", "ListSigningKeys", f'realm: "{realm}"')),
                      call(403, 1, ask("keyring", "GetKeySet", f'realm: "{realm}"'))),
                authenticate(realm)),
        })
    put("services", **{"elsewhere": frames(
        b"\0", for_ada(READ, 301, "user", "GetUser", "shop", ""), frame(
            READ, call(301, 0, ask("user", "GetUser", 'realm: "web"'), subject=subject("shop")),
            credential=SERVICE_SECRET))})


def channel():
    keys = encode("latchkey/v1/key.proto", "latchkey.v1.GetKeyResponse",
                  'key { id: "x" scopes: "*" created_at { seconds: 1 } }')
    put("channel",
        ok=reply_frame(reply(0, body=keys), reply(2, body=keys), reply(1, body=keys)),
        error=reply_frame(reply(0, 3, b"no", DETAILS), reply(1, 14, b"later")),
        whole=reply_frame(reply(0xffffffff, 16, b"who are you")))


def message():
    put("message",
        authenticate=b"\0" + encode("latchkey/v1/auth.proto", "latchkey.v1.AuthenticateRequest",
                                    'realm: "crm" credentials { value: "x" } path: "/"'),
        create=b"\1" + CREATE,
        descriptors=b"\2" + descriptors(),
        metadata=b"\3" + METADATA,
        details=b"\4" + DETAILS,
        every=b"\5" + EVERY + encode("every_type.proto", "latchkey.test.EveryType",
                                     "many_double: 1 many_double: 2 many_bool: true "
                                     "many_int32: 300 many_unpacked: -1"))


def descriptors():
    """A set with a method, an enum and a oneof, in one file without imports."""
    return encode("latchkey/v1/options.proto", "google.protobuf.FileDescriptorSet", """file {
        name: "a.proto" package: "a" syntax: "proto3"
        enum_type { name: "E" value { name: "E_ZERO" number: 0 } }
        message_type { name: "M" oneof_decl { name: "choice" }
            field { name: "text" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
            field { name: "many" number: 2 type: TYPE_INT32 label: LABEL_REPEATED }
            field { name: "e" number: 3 type: TYPE_ENUM label: LABEL_OPTIONAL type_name: ".a.E" }
            field { name: "m" number: 4 type: TYPE_MESSAGE label: LABEL_OPTIONAL type_name: ".a.M" }
            field { name: "c" number: 5 type: TYPE_BYTES label: LABEL_OPTIONAL oneof_index: 0 } }
        service { name: "S" method { name: "Do" input_type: ".a.M" output_type: ".a.M"
            options { [latchkey.v1.rpc] { number: 7 lane: LANE_FAST } } } } }""")


def json():
    every = '{"aInt32":-1,"aInt64":"-9","aUint64":"18446744073709551615","aFloat":1.5,' \
        '"aDouble":"NaN","aBool":true,"aColour":"COLOUR_RED",' \
        '"aString":"\\u00e9\\n","aBytes":"AA==",' \
        '"nested":{"at":"2026-01-01T00:00:00.5Z","span":"-1.5s","mask":"a.bC"}}'
    put("json",
        every="\0" + every,
        lists='\6{"manyInt32":[1,2],"manyString":["a"],"manyNested":[{},{"a_int32":1}],'
        '"texts":{"a":"b"},"switches":{"true":"COLOUR_GREEN"},"choiceNumber":0}',
        create='\1{"realm":"crm","scopes":["*"],"expiresAt":null,"metadata":{"k":"v"}}',
        unknown='\x08{"nothing":[1,{"x":null}]}',
        message=b"\x10" + EVERY)


def rest():
    get_, post, put_, patch, delete = range(5)

    def request(verb, path, query="", cookie="", body=""):
        return chr(verb) + "\n".join((path, query, cookie, body))

    put("rest",
        query=request(get_, "/v1/books/b%2f1/notes",
                      "text=a+b%26&tags=x&tags=&limit=-5&offset=9007199254740993&isOpen=true&"
                      "notBefore=2027-01-01T00:00:00%2B01:00&colours=COLOUR_RED&nothing",
                      "a=1; sid=abc"),
        body=request(post, "/v1/books/b/notes", "", 'sid="abc"',
                     '{"text":"a","tags":["x"],"bookId":"no","parent":{"size":"7",'
                     '"writtenAt":"2025-01-01T00:00:00.000Z","tags":[null]}}'),
        change=request(patch, "/v1/books/b/notes/%e2%82%ac", "", "sid=a; sid=b", "{}"),
        delete=request(delete, "/v1/books/b/notes/...", "limit=1&limit=1"),
        leave=request(post, "/v1/leave", "", "theme=dark; sid=lkr_abc"),
        control=request(post, "/v1/leave", "", "sid\x01\r"),
        every=request(put_, "/v1/every.thing", "", "",
                      '{"aInt32":-1,"aDouble":1.5,"mask":"a.bC","span":"1.500s","texts":{"a":"b"},'
                      '"choiceText":"","nested":{"aBytes":"AA=="},"switches":{"true":1}}'),
        find=request(get_, "/v1/every.thing",
                     "aBytes=AA&span=1s&mask=a,b&choiceNumber=1&manyInt32=1&manyInt32=2&far=%00"))
def http():
    get, post, end = "GET / HTTP/1.1\r\nHost: a\r\n", "POST / HTTP/1.1\r\nHost: a\r\n", "\r\n"
    body = "Content-Length: 5\r\n\r\nhello"
    put("http",
        get="GET /a/b%20c?d=e&f HTTP/1.1\r\nHost: crm.example:8082\r\nX-Api-Key: x \r\n\r\n",
        pipelined="\r\n" + post + body + "\r\n" + get + "Connection: close\r\n\r\n",
        old="GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        expect=post + "Expect: 100-continue\r\n" + body,
        literal="PATCH / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\nCookie: a=b\r\n\r\n",
        connection=get + "Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n",
        chunked=post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        both=post + "Transfer-Encoding: chunked\r\n" + body,
        coding=post + "Transfer-Encoding: gzip\r\n\r\n",
        lengths=post + "Content-Length: 5\r\n" + body,
        huge=post + "Content-Length: 18446744073709551616\r\n\r\n",
        hosts=get + "Host: b\r\n\r\n",
        folded=get + "X: a\r\n b\r\n\r\n",
        preface="PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        absolute="GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
        connect="CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        sent_twice=get + "Authorization: a\r\nAuthorization: b\r\nContent-Type: c\r\n\r\n",
        many=get + "X: y\r\n" * 100 + end,
        long_method="G" * 8300, long_target=f"GET /{'a' * 8192} HTTP/1.1\r\n",
        long_line=get + "X: " + "a" * 8192, long_head=get + ("X: " + "a" * 8000 + end) * 2 + "Y: z")


def small():
    put("config",
        full="data_dir: d\nlisten:\n  operator: ipc://run/a\n  rpc: [tcp://127.0.0.1:1]\n"
        "  plaintext_ok: true\nlog: { level: debug, format: json }\n"
        "store: { sweep: 10m, reserve_mib: 1 }\nlanes: { read: { workers: 3 } }\n"
        "realms:\n  crm:\n  shop: { key_prefix: s_, permissions: [a.b, c], "
        "keys_per_owner_max: 7 }\n",
        least="data_dir: d\nlisten: { operator: 'ipc://a' }\n",
        http="data_dir: d\nlisten: { operator: 'ipc://a' }\nhttp:\n"
        "  listen: ['*:80', '[::1]:81']\n  operations: 127.0.0.1:82\n  plaintext_ok: true\n"
        "  trusted_proxies: [127.0.0.1, 10.0.0.0/8]\n  loops: 1\n  connections_max: 9\n"
        "  connections_per_address_max: 3\nrealms:\n  a:\n    permissions: [x, y.z]\n"
        "    key_plans: [P]\n    routes:\n"
        "      - { path: /a/b, methods: [GET, PUT], permissions: [x], organization: true,\n"
        "          callers: [key, session], plans: [P] }\n"
        "      - { path: /a/*, public: true }\n"
        "    http:\n      surface: incrm\n      listen: [127.0.0.1:83]\n      hosts: [a.b, c]\n"
        "      origins: ['https://a.b', 'http://c:8']\n"
        "  b:\n    http: { hosts: [d] }\n",
        alias="a: &x [1]\nb: *x\n")
    put("texts", key="\0" + CRM_SECRET, id="\1" + KEY_ID, v4="\2" + "192.0.2.1",
        v6="\2" + "2001:db8::1", mapped="\2::ffff:1.2.3.4", network="\3" + "10.0.0.0/8",
        network6="\3" + "2001:db8::/32", permission="\4records.read", scope="\5records.*")
    put("csv", users="email,name,roles\r\nada@x,Ada,admin;clerk\r\n\r\n",
        quotes='email,name\na@x,"say ""hi"", twice"\nb@x,"two\nlines"', empty=',"",\n""\n,',
        inside='a,b"c\n', behind='"a"b\n', open='"a\nb', cr='a\rb\n', nul="a\0b\n")
    put("values", span="1w2d3h4m5s6ms", moment="2027-01-01T00:00:00.5+01:30",
        reason="key-compromise", duration="-1.500s")
    digest = "nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD/iCs5E"
    put("password", argon2=f"$argon2id$v=19$m=16,t=1,p=2$c29tZXNhbHQ${digest}",
        own=f"$argon2id$v=19$m=8,t=1,p=1$TmFDbE5hQ2xOYUNsTmFDbA${digest}",
        bcrypt="$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm",
        scrypt=f"$scrypt$ln=5,r=1,p=2$c29tZXNhbHQ${digest}",
        scrypt_crypt="$7$25..../....NaCl$bE944Hrld3R7/gTgpj1fmwRNI.gwBG.Cm39GnWYZOY5",
        pbkdf2=f"$pbkdf2-sha256$1$c29tZXNhbHQ${digest}",
        pbkdf2_512=f"$pbkdf2-sha512$1$c29tZXNhbHQ${digest[:-1]}A{digest[:-1]}",
        django=f"pbkdf2_sha256$1$salt${digest}=",
        sha512crypt="$6$rounds=1000$salt$" + "a" * 86)
    header = base64url('{"alg":"HS256","typ":"at+jwt","kid":"sig_0000000000000000000000"}')
    put("token", token="\0" + header + "." + base64url(payload("crm", ID)) + "." + "A" * 43,
        payload="\1" + payload("crm", ID), header="\2" + header)
    claims = '{"iss":"i","sub":"s","aud":["a"],"exp":1767229200.5,"nbf":1,' \
        '"meta":{"roles":["clerk","x"],"org":"o"}}'
    put("external", token="\0" + header + "." + base64url(claims) + "." + "A" * 43,
        payload="\1" + claims, header='\2{"alg":"HS256","typ":"JWT"}',
        webhook="\3t=1767225600,v1=" + "0" * 64 + ",v0=x",
        keys='\4{"keys":[{"kty":"EC","crv":"P-256","kid":"a","use":"sig","alg":"ES256",'
        '"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",'
        '"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},{"kty":"oct","k":"AA"}]}')
    record = 'version: 1 id: "0123456789abcdef" realm: "crm" name: "n" user_id: "u" scopes: "*" ' \
        'networks: "10.0.0.0/8" metadata { key: "a" value: "b" } enabled: true created_ms: 5 ' \
        'current { number: 2 digest: "0123456789abcdef0123456789abcdef" pepper_id: 1 hint: "h" } ' \
        'previous { number: 1 digest: "0123456789abcdef0123456789abcdef" pepper_id: 1 hint: "h" }'
    put("record",
        key=b"\0" + encode("server/store/records.proto", "latchkey.store.v1.KeyRecord", record),
        usage=b"\1" + encode("server/store/records.proto", "latchkey.store.v1.UsageRecord",
                             'version: 1 uses { secret: 1 at_ms: 5 client_address: "::1" }'),
        row=b"\2k/\3crm0123456789abcdef", owned=b"\2ku/\3crm\1u0123456789abcdef",
        expiry=b"\2expiry/" + struct.pack(">Q", 60) + b"k/\3crm0123456789abcdef")
    put("reflect", small=descriptors())


def verify():
    def head(*lines, choice=0, method="GET"):
        return bytes([choice]) + "\r\n".join(
            [f"{method} /_latchkey/verify HTTP/1.1", "Host: a", *lines, "", ""]).encode("latin-1")

    def asks(kind, path, method="GET"):
        uri = "URI" if kind == "Original" else "Uri"
        return f"X-{kind}-Method: {method}", f"X-{kind}-{uri}: {path}"

    key, bearer = f"X-Api-Key: {CRM_SECRET}", f"Authorization: Bearer {CRM_SECRET}"
    preflight = ("Access-Control-Request-Method: GET",
                 "Access-Control-Request-Headers: authorization, x-api-key")
    put("verify",
        nginx=head(*asks("Original", "/api/v1/client?page=2"), key),
        plain=head(*asks("Forwarded", "/api/v1/caf%C3%A9", "DELETE"), bearer, choice=1),
        both=head(*asks("Original", "/api/a"), *asks("Forwarded", "/api/b"), choice=2),
        dots=head(*asks("Original", "/api/%2e%2e/.././/x;a\\b%2F%c0%ae%25"), choice=3),
        two=head(key, bearer, choice=4),
        basic=head("Authorization: Basic YTpi", "User-Agent: caf\xe9", choice=5),
        listed=head("Origin: https://app.example.org", bearer, choice=6),
        foreign=head("Origin: https://evil.example", key, choice=7),
        preflight=head("Origin: https://app.example.org", *preflight, method="OPTIONS"),
        preflight_foreign=head("Origin: null", *preflight, method="OPTIONS", choice=9),
        forwarded=head("X-Forwarded-For: 10.0.0.1, 127.0.0.1", "X-Forwarded-Proto: https"))


def connect():
    def post(method, *lines, body=b"{}", choice=0, kind="json", verb="POST"):
        head = [f"{verb} /latchkey.v1.{method} HTTP/1.1", "Host: a",
                f"Content-Type: application/{kind}", *lines, "", ""]
        return bytes([choice]) + "\r\n".join(head).encode("latin-1") + body

    bearer = f"Authorization: Bearer {SERVICE_SECRET.decode()}"
    listed = b'{"realm": "crm", "pageSize": 5, "colour": ["red"]}'
    put("connect",
        json=post("KeyService/ListKeys", bearer, "Connect-Protocol-Version: 1",
                  "Connect-Timeout-Ms: 5000", "Accept-Encoding: gzip", body=listed),
        binary=post("KeyService/RevokeKey", bearer, "Idempotency-Key: 0123456789abcdef",
                    "Content-Encoding: identity", kind="proto",
                    body=b"\n\3crm\x12\x1a" + KEY_ID.encode()),
        nobody=post("AuthService/SignIn", "Traceparent: 00-0123-4567-01", choice=16),
        details=post("UserService/GetUser", "Authorization: Basic x", choice=3 | 32 | 64),
        refused=post("HealthService/Check", "Content-Encoding: gzip"),
        late=post("HealthService/Check", "Connect-Timeout-Ms: 0", kind="json; charset=utf-8"),
        unknown=post("KeyService/NoMethod"),
        get=post("HealthService/Check", verb="GET"),
        text=post("HealthService/Check", kind="connect+json"))


if __name__ == "__main__":
    verify()
    connect()
    dispatch()
    services()
    people()
    channel()
    message()
    json()
    rest()
    http()
    small()
