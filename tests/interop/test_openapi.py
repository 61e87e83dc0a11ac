# SPDX-License-Identifier: MIT
"""The OpenAPI documents of the surfaces, judged by @redocly/cli with its recommended rules, of
which the strict set makes every warning an error.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

NODE_DIR = pathlib.Path(os.environ.get("LATCHKEY_INTEROP", "build/npm"))
BUILD = pathlib.Path(os.environ.get("LATCHKEY_BUILD", "build/release"))
DOCUMENTS = sorted((BUILD / "gen/latchkey/rest").glob("*.openapi.json"))
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def lint(document):
    """The rules that the document breaks."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "openapi.json"
        path.write_text(json.dumps(document))
        done = subprocess.run(
            [NODE_DIR.absolute() / "node_modules/.bin/redocly", "lint",
             "--extends=recommended-strict", "--format=json", path],
            cwd=directory, env=os.environ | QUIET, capture_output=True, text=True, timeout=120,
        )
    problems = [problem["ruleId"] for problem in json.loads(done.stdout)["problems"]]
    assert (done.returncode == 0) == (problems == []), done.stderr
    return problems


class Redocly(unittest.TestCase):
    def test_it_has_nothing_to_say_about_our_documents(self):
        self.assertTrue(DOCUMENTS)
        for path in DOCUMENTS:
            self.assertEqual(lint(json.loads(path.read_text())), [], path)

    def test_it_has_something_to_say_about_a_worse_one(self):
        [path] = [path for path in DOCUMENTS if path.name == "incrm.openapi.json"]
        document = json.loads(path.read_text())
        del document["info"]["license"]
        for operations in document["paths"].values():
            for operation in operations.values():
                del operation["security"]
        self.assertEqual(set(lint(document)), {"info-license", "security-defined"})


if __name__ == "__main__":
    unittest.main()
