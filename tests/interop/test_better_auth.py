# SPDX-License-Identifier: MIT
"""An unmodified client of Better Auth signs in, reads its session and signs out."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from basicsos import BasicsosTest  # noqa: E402
from people import PASSWORD  # noqa: E402

NODE_DIR = pathlib.Path(os.environ.get("LATCHKEY_INTEROP", "build/npm"))


class BetterAuth(BasicsosTest):
    def run_client(self, user, way):
        request = {
            "base": self.web.base, "email": user["email"], "password": PASSWORD, "way": way}
        done = subprocess.run(
            ["node", NODE_DIR / "better_auth.mjs"], input=json.dumps(request),
            capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_it_signs_in_reads_its_session_and_signs_out(self):
        for way in ("bearer", "cookie"):
            with self.subTest(way):
                user = self.create_user(name="Ada")
                told = self.run_client(user, way)
                wrong = told["wrong"]["error"]
                self.assertEqual((wrong["status"], wrong["code"], wrong["message"]),
                                 (401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password"))
                self.assertIsNone(told["before"]["data"])
                self.assertIsNone(told["before"]["error"])
                self.assertEqual(told["signIn"]["data"]["user"]["id"], user["id"])
                session = told["session"]["data"]
                self.assertEqual(session["user"]["name"], "Ada")
                self.assertEqual(session["session"]["userId"], user["id"])
                self.assertEqual(session["session"]["token"], told["signIn"]["data"]["token"])
                self.assertEqual(told["signOut"]["data"], {"success": True})
                self.assertIsNone(told["after"]["data"])
                self.assertEqual(told["jar"], "")


if __name__ == "__main__":
    unittest.main()
