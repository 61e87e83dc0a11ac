# SPDX-License-Identifier: MIT
"""A client written from proto/PROTOCOL.md alone drives the daemon, over tcp and over ipc."""

import pathlib
import subprocess
import sys
import unittest

from harness import DaemonTest

STRANGER = pathlib.Path(__file__).parent.parent / "rpc" / "stranger.py"


class Stranger(DaemonTest):
    def test_the_protocol_page_is_enough_to_write_a_client(self):
        d = self.daemon
        key = d.service_key_file("stranger", "auth.verify", "keys.read", "keys.manage")
        for url in [d.tcp, d.ipc]:
            done = subprocess.run(
                [sys.executable, STRANGER, "--url", url, "--key-file", key, "--realm", "shop"],
                capture_output=True,
                text=True,
                timeout=120,
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
