# SPDX-License-Identifier: MIT
"""latchkey-bridge as its operator meets it: its options, and why it does not start."""

import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from harness import BUILD, free_port

USAGE, CONFIG, ADDRESS = 2, 3, 5


class Start(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="latchkey-e2e-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.port = free_port()
        self.config = self.directory / "latchkeyd.yaml"
        self.config.write_text(f"http: {{ listen: ['127.0.0.1:{self.port}'] }}\n")
        self.key = self.write("bridge.key", "latchkey_x\n", mode=0o600)

    def write(self, name, text, mode=0o644):
        path = self.directory / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def run_once(self, *words):
        return subprocess.run(
            [BUILD / "latchkey-bridge", *words], capture_output=True, text=True, timeout=60
        )

    def refused(self, code, text, *words):
        done = self.run_once(*words)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertIn(text, done.stderr)

    def start(self, *words, config=None):
        """The words of a start that would go well."""
        return ("--config", config or self.config, "--server", "tcp://127.0.0.1:1", *words)

    def test_help_and_version_are_told_on_standard_output(self):
        done = self.run_once("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for option in ("--config", "--server", "--credential-file", "--check", "--version"):
            self.assertIn(option, done.stdout)
        for code in (USAGE, CONFIG, ADDRESS):
            self.assertRegex(done.stdout, rf"\b{code} ")
        version = self.run_once("--version")
        self.assertEqual(version.returncode, 0)
        self.assertTrue(re.fullmatch(r"latchkey-bridge \d+\.\d+\.\d+\n", version.stdout))

    def test_wrong_usage_is_told_and_exits_with_2(self):
        self.refused(USAGE, "--colour", *self.start("--colour"))
        self.refused(USAGE, "unexpected argument 'here'", *self.start("here"))
        self.refused(USAGE, "--config FILE is missing", "--server", "tcp://127.0.0.1:1")
        self.refused(USAGE, "--server URL is missing", "--config", self.config)
        for url in ("127.0.0.1:8070", "http://127.0.0.1:8070", "tcp://", "", "ipc://"):
            with self.subTest(url):
                self.refused(USAGE, "latchkey-bridge: ", "--config", self.config, "--server", url)

    def test_a_key_file_that_cannot_be_read_is_told_and_exits_with_2(self):
        missing = self.directory / "nowhere"
        self.refused(USAGE, "--credential-file: ", *self.start("--credential-file", missing))
        for name, text in (("empty.key", ""), ("long.key", "x" * 9000), ("two.key", "a\nb\n")):
            path = self.write(name, text, mode=0o600)
            self.refused(USAGE, "--credential-file: ", *self.start("--credential-file", path))

    def test_a_configuration_can_be_checked_without_a_server(self):
        done = self.run_once("--check", "--config", self.config)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        bad = self.write("bad.yaml", "http:\n  listen: [nowhere]\n  colour: red\n")
        done = self.run_once("--check", "--config", bad)
        self.assertEqual(done.returncode, CONFIG)
        self.assertIn("bad.yaml:2: http.listen: ", done.stderr)
        self.assertIn("bad.yaml:3: http: has a field that does not exist", done.stderr)

    def test_a_configuration_with_mistakes_exits_with_3(self):
        self.refused(CONFIG, "nowhere.yaml", *self.start(config="/nowhere.yaml"))
        bad = self.write("bad.yaml", "http: [\n")
        self.refused(CONFIG, "bad.yaml:", *self.start(config=bad))
        nothing = self.write("nothing.yaml", "data_dir: d\nrealms: { shop: {} }\n")
        self.refused(CONFIG, "no HTTP address is configured", *self.start(config=nothing))

    def test_an_address_that_is_taken_exits_with_5(self):
        with socket.create_server(("127.0.0.1", self.port)):
            self.refused(ADDRESS, f"127.0.0.1:{self.port}", *self.start())


if __name__ == "__main__":
    unittest.main()
