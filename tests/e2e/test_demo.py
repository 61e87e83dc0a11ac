# SPDX-License-Identifier: MIT
"""`just run` as people start it: the tour to its end, twice, and what it leaves behind works."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import BUILD, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Demo(unittest.TestCase):
    def setUp(self):
        """A tree of its own, at ports of its own, so that nobody's demo is in the way."""
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="demo-")))
        (self.root / "scripts").mkdir()
        shutil.copytree(ROOT / "examples", self.root / "examples")
        moved = {str(port): str(free_port()) for port in range(8070, 8086)}
        for path in (ROOT / "scripts/demo.sh", ROOT / "examples/demo.yaml"):
            text = path.read_text()
            for before, after in moved.items():
                text = text.replace(f":{before}", f":{after}")
            (self.root / path.relative_to(ROOT)).write_text(text)

    def run_demo(self):
        return subprocess.run(
            ["sh", "scripts/demo.sh", "--once"], cwd=self.root, capture_output=True, text=True,
            timeout=120, env={**os.environ, "LATCHKEY_BUILD": str(BUILD)})

    def test_the_tour_comes_to_its_end_and_can_be_repeated(self):
        for _ in range(2):
            done = self.run_demo()
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            for step in range(1, 8):
                self.assertIn(f"{step}. ", done.stdout)
            self.assertIn('"success":true', done.stdout)
            self.assertIn("200 OK", done.stdout)
        told = json.loads((self.root / "var/demo/credentials.json").read_text())
        for realm in ("basicsos", "incrm", "omnicrm"):
            self.assertEqual(list(told[realm]), ["admin", "viewer", "key"])
            self.assertEqual(list(told[realm]["admin"]), ["email", "password"])
        for realm in ("briksync", "gateway"):
            self.assertEqual(list(told[realm]), ["key"])


if __name__ == "__main__":
    unittest.main()
