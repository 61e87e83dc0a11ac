# SPDX-License-Identifier: MIT
"""Tokens of other issuers that publish their keys: ES256 and RS256, by a JWK Set from a file or
from a URL."""

import http.server
import json
import signal
import socket
import subprocess
import threading
import time
import unittest

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from harness import BUILD, Daemon

ISSUER = "https://id.example"
EC, RSA, OTHER = (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048),
                  ec.generate_private_key(ec.SECP256R1()))


def jwk(key, kid, **more):
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    told = json.loads(algorithm.to_jwk(key.public_key()))
    told.pop("key_ops", None)
    return {**told, "kid": kid, **more}


def key_set(*keys):
    return json.dumps({"keys": list(keys)})


def token(key, algorithm, kid="a", **claims):
    now = int(time.time())
    headers = {"kid": kid} if kid is not None else {}
    return jwt.encode({"iss": ISSUER, "aud": "web", "sub": "ada", "exp": now + 600, "iat": now,
                       "roles": ["clerk"], **claims}, key, algorithm, headers=headers)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *args):
        pass


class IssuerTest(unittest.TestCase):
    def config(self, jwks):
        return (
            "realms:\n  shop:\n    permissions: [orders.read]\n"
            "    roles: { clerk: [orders.read] }\n    issuers:\n"
            f"      - {{ issuer: '{ISSUER}', audience: web, roles_claim: roles,"
            f" jwks: '{jwks}' }}\n")

    def start(self, jwks):
        self.daemon = Daemon(self.config(jwks))
        self.addCleanup(self.daemon.clean_up)
        self.daemon.start()

    def ask(self, credential):
        done = self.daemon.call("AuthService/Authenticate", {
            "realm": "shop", "permissions": ["orders.read"],
            "credentials": [{"kind": "CREDENTIAL_KIND_BEARER", "value": credential}]})
        self.assertEqual(done.code, 0, done.err)
        told = done.json
        return "allowed" if told["allowed"] else told["reason"].removeprefix("DENY_REASON_")

    def reload(self):
        done = self.daemon.log.read_text().count("info reloaded")
        self.daemon.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 30
        while self.daemon.log.read_text().count("info reloaded") == done:
            self.assertLess(time.monotonic(), deadline, self.daemon.log.read_text())
            time.sleep(0.02)


class FromFile(IssuerTest):
    def setUp(self):
        self.file = Daemon("realms: {}\n").directory / "jwks.json"
        self.file.write_text(key_set(
            jwk(EC, "a"), jwk(RSA, "b", use="sig", alg="RS256"), {"kty": "oct", "k": "AAAA"},
            jwk(OTHER, "enc", use="enc")))
        self.start(self.file)

    def test_tokens_of_both_algorithms_are_taken(self):
        for credential in (token(EC, "ES256"), token(RSA, "RS256", "b"), token(EC, "ES256", None),
                           token(RSA, "RS256", None)):
            self.assertEqual(self.ask(credential), "allowed")

    def test_what_is_not_signed_by_a_key_of_the_set_is_nobodys(self):
        pem = EC.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        good = token(EC, "ES256")
        head, body, signature = good.split(".")
        for credential in (
            token(OTHER, "ES256"), token(OTHER, "ES256", "enc"), token(OTHER, "ES256", None),
            token(EC, "ES256", "b"), token(EC, "ES256", "unheard-of"), token(RSA, "RS256", "a"),
            token(RSA, "RS512", "b"), token(RSA, "PS256", "b"), token(pem, "HS256"),
            token("", "none"), f"{head}.{body}.", f"{head}.{body}.{signature[:-4]}",
            f"{head}.{body}.{'A' * 86}", f"{head}.{body}.{'A' * 684}",
            token(EC, "ES256", iss="https://evil.example"), token(EC, "ES256", aud="other"),
        ):
            self.assertEqual(self.ask(credential), "UNKNOWN_CREDENTIAL", credential)
        self.assertEqual(self.ask(token(EC, "ES256", exp=int(time.time()) - 1)), "EXPIRED")

    def test_keys_are_rotated_by_a_reload(self):
        self.file.write_text(key_set(jwk(OTHER, "c")))
        self.assertEqual(self.ask(token(EC, "ES256")), "allowed")
        self.reload()
        self.assertEqual(self.ask(token(EC, "ES256")), "UNKNOWN_CREDENTIAL")
        self.assertEqual(self.ask(token(OTHER, "ES256", "c")), "allowed")

    def test_a_file_that_is_no_set_is_refused(self):
        for text in ("", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "EC"}]}',
                     key_set({**jwk(EC, "a"), "x": jwk(OTHER, "a")["x"]})):
            self.file.write_text(text)
            failures = self.daemon.log.read_text().count("reload failed")
            self.daemon.process.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 30
            while self.daemon.log.read_text().count("reload failed") == failures:
                self.assertLess(time.monotonic(), deadline, text)
                time.sleep(0.02)
            self.assertEqual(self.ask(token(EC, "ES256")), "allowed")

    def test_a_configuration_has_one_way_for_each_issuer(self):
        for before, after, why in (
            ("jwks:", "secret_file: x, jwks:", "secret_file: the file cannot be read"),
            (f", jwks: '{self.file}'", "", "a secret_file or jwks, one of them"),
            (str(self.file), "http://id.example/jwks", "must be a file, an https URL"),
            (str(self.file), "ftp://id.example/jwks", "must be a file, an https URL"),
        ):
            text = self.config(self.file)
            self.assertIn(before, text)
            path = self.daemon.directory / "other.yaml"
            path.write_text("data_dir: d\nlisten: { operator: 'ipc://s' }\n"
                            + text.replace(before, after))
            done = subprocess.run([BUILD / "latchkeyd", "--check", "--config", path],
                                  capture_output=True, text=True)
            self.assertIn(why, done.stderr)


class FromUrl(IssuerTest):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.status, self.server.asked = 200, 0
        self.server.body = key_set(jwk(EC, "a")).encode()
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/jwks.json"

    def wait(self, credential, verdict):
        deadline = time.monotonic() + 60
        while self.ask(credential) != verdict:
            self.assertLess(time.monotonic(), deadline, self.daemon.log.read_text())
            time.sleep(0.1)

    def test_keys_are_fetched_and_new_ones_when_they_are_wanted(self):
        self.start(self.url())
        self.wait(token(EC, "ES256"), "allowed")
        asked = self.server.asked
        self.server.body = key_set(jwk(EC, "a"), jwk(OTHER, "c")).encode()
        # Half a minute after the last time at the earliest, however often it is wanted.
        self.wait(token(OTHER, "ES256", "c"), "allowed")
        self.assertEqual(self.server.asked, asked + 1)
        self.assertEqual(self.ask(token(EC, "ES256")), "allowed")

    def test_a_server_that_does_not_answer_keeps_nobody_from_ending(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.start(f"http://127.0.0.1:{silent.getsockname()[1]}/jwks.json")
            wire, _ = silent.accept()
            self.assertEqual(self.daemon.stop(), 0)
            wire.close()

    def test_without_an_answer_nobody_is_let_in_and_the_log_says_why(self):
        for status, body, why in ((503, b"", "the answer is not 200"),
                                  (200, b"<html>", "no JWK Set"),
                                  (200, b" " * 300000, "larger than 256 KiB")):
            self.server.status, self.server.body = status, body
            self.start(self.url())
            deadline = time.monotonic() + 30
            while why not in self.daemon.log.read_text():
                self.assertLess(time.monotonic(), deadline, self.daemon.log.read_text())
                time.sleep(0.05)
            self.assertEqual(self.ask(token(EC, "ES256")), "UNKNOWN_CREDENTIAL")


if __name__ == "__main__":
    unittest.main()
