# SPDX-License-Identifier: MIT
"""Clients that others wrote, jose (npm) and python3-jwt, verify our EdDSA tokens from our JWK Set
and refuse what was changed. HS256 keys are for nobody: not in what the daemon gives out, and not
in what it writes.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from people import PASSWORD, PeopleTest, claims  # noqa: E402

NODE_DIR = pathlib.Path(os.environ.get("LATCHKEY_INTEROP", "build/npm"))
SEED = 32  # bytes of a key of either algorithm


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def changed(token):
    """The token with one bit flipped, for each bit of its three parts."""
    parts = [decode(part) for part in token.split(".")]
    for at, part in enumerate(parts):
        for bit in range(len(part) * 8):
            flipped = bytearray(part)
            flipped[bit // 8] ^= 1 << bit % 8
            yield ".".join(encode(p) for p in [*parts[:at], flipped, *parts[at + 1 :]])


def ask_jose(jwks, realm, tokens):
    """The claims of each token, None for one that is refused."""
    request = {
        "jwks": jwks, "issuer": "latchkey/" + realm, "audience": realm, "tokens": list(tokens)
    }
    done = subprocess.run(
        ["node", NODE_DIR / "verify.mjs"],
        input=json.dumps(request), capture_output=True, text=True, timeout=60, check=True,
    )
    return json.loads(done.stdout)


def ask_pyjwt(jwks, realm, tokens):
    keys = {key["kid"]: jwt.PyJWK.from_dict(key).key for key in jwks["keys"]}
    return [ask_pyjwt_once(keys, realm, token) for token in tokens]


def ask_pyjwt_once(keys, realm, token):
    try:
        key = keys[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(
            token, key, algorithms=["EdDSA"], audience=realm, issuer="latchkey/" + realm
        )
    except (jwt.InvalidTokenError, KeyError):
        return None


CLIENTS = {"jose": ask_jose, "python3-jwt": ask_pyjwt}


class RealClients(PeopleTest):
    def key_set(self, realm="eddsa"):
        return json.loads(self.daemon.cli("keyring", "jwks", "--realm", realm).out)

    def token(self, realm="eddsa"):
        return self.sign_in(realm)["accessToken"]

    def test_they_verify_our_tokens_from_our_key_set(self):
        user = self.create_user("eddsa")
        token = self.token()
        for name, ask in CLIENTS.items():
            (found,) = ask(self.key_set(), "eddsa", [token])
            self.assertEqual(found, claims(token)[1], name)
            self.assertEqual(found["sub"], user["id"], name)

    def test_they_refuse_every_token_with_a_flipped_bit(self):
        self.create_user("eddsa")
        token = self.token()
        others = list(changed(token))
        self.assertGreater(len(others), 64 * 8)
        for name, ask in CLIENTS.items():
            found = ask(self.key_set(), "eddsa", [token, *others])
            self.assertIsNotNone(found[0], name)
            self.assertEqual([f for f in found[1:] if f is not None], [], name)

    def test_they_refuse_a_token_for_another_audience(self):
        self.create_user("eddsa")
        for name, ask in CLIENTS.items():
            self.assertEqual(ask(self.key_set(), "opaque", [self.token()]), [None], name)

    def test_a_rotation_keeps_old_tokens_until_their_key_is_retired(self):
        self.create_user("eddsa")
        old = self.token()
        self.daemon.cli("keyring", "rotate", "--realm", "eddsa")
        new = self.token()
        for name, ask in CLIENTS.items():
            self.assertNotIn(None, ask(self.key_set(), "eddsa", [old, new]), name)
        self.daemon.cli("keyring", "retire", "--realm", "eddsa", claims(old)[0]["kid"])
        for name, ask in CLIENTS.items():
            found = ask(self.key_set(), "eddsa", [old, new])
            self.assertEqual([f is not None for f in found], [False, True], name)


def signs_hs256(token):
    """Whether a key makes this token's signature."""
    signed, _, signature = token.rpartition(".")
    signed, signature = signed.encode(), decode(signature)
    return lambda key: hmac.digest(key, signed, hashlib.sha256) == signature


def signs_ed25519(public):
    """Whether a seed has this public key."""

    def is_seed(seed):
        key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        return key.public_bytes(*raw) == public

    return is_seed


def windows(data):
    """Whatever in these bytes could be a key: raw at any place, or as text."""
    for run in re.split(rb"\x00{64,}", data):
        for at in range(len(run) - SEED + 1):
            yield run[at : at + SEED]
    for text in re.findall(rb"[0-9A-Fa-f]{%d,}" % (SEED * 2), data):
        for at in range(len(text) - SEED * 2 + 1):
            yield bytes.fromhex(text[at : at + SEED * 2].decode())
    for text in re.findall(rb"[A-Za-z0-9+/_-]{43,}", data):
        for at in range(len(text) - 42):
            yield decode(text[at : at + 43].decode().replace("+", "-").replace("/", "_"))


class KeysOfHs256(PeopleTest):
    def written(self):
        """All bytes on the disk that the daemon wrote; the reserve is zeros."""
        self.daemon.stop()
        files = [p for p in self.daemon.directory.rglob("*") if p.is_file()]
        self.assertIn("pepper", [p.name for p in files])
        return b"\x00".join(p.read_bytes() for p in files if p.name != "latchkey.reserve")

    def test_the_search_below_finds_a_key_that_is_there(self):
        key = os.urandom(SEED)
        seed = Ed25519PrivateKey.from_private_bytes(key)
        public = seed.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        for is_key in signs_hs256(jwt.encode({}, key, algorithm="HS256")), signs_ed25519(public):
            for form in key, key.hex().encode(), encode(key).encode(), base64.b64encode(key):
                data = os.urandom(99) + bytes(500) + b"x" + form + os.urandom(99)
                self.assertTrue(any(map(is_key, windows(data))), form)

    def test_what_is_given_out_verifies_no_token(self):
        self.create_user("hs256")
        self.create_user("eddsa")
        token = self.sign_in("hs256")["accessToken"]
        given = "".join(
            self.daemon.cli("keyring", verb, "--realm", realm).out
            for verb in ("jwks", "list")
            for realm in ("hs256", "eddsa")
        )
        self.assertIn('"kty":"OKP"', given)
        self.assertEqual(self.daemon.cli("keyring", "jwks", "--realm", "hs256").out.strip(),
                         '{"keys":[]}')
        is_key = signs_hs256(token)
        self.assertFalse(any(map(is_key, windows(given.encode()))))
        words = re.findall(r"[\w+/=-]+", given)
        self.assertFalse(any(is_key(word.encode()) for word in words))

    def test_what_is_written_holds_no_key_that_signs(self):
        self.create_user("hs256")
        self.create_user("eddsa")
        token = self.sign_in("hs256")["accessToken"]
        key_set = json.loads(self.daemon.cli("keyring", "jwks", "--realm", "eddsa").out)
        written = self.written()
        self.assertIn(b"ada@example.org", written)
        self.assertNotIn(PASSWORD.encode(), written)
        found = set(windows(written))
        self.assertGreater(len(found), 5000)
        self.assertFalse(any(map(signs_hs256(token), found)))
        self.assertFalse(any(map(signs_ed25519(decode(key_set["keys"][0]["x"])), found)))


if __name__ == "__main__":
    unittest.main()
