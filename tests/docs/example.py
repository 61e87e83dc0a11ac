#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""example.py DIRECTORY: the system of docs/adding-a-system.md runs and answers what it says."""

import difflib
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from harness import BUILD, Daemon, free_port  # noqa: E402


def main():
    example = pathlib.Path(sys.argv[1])
    port = free_port()
    realm = (example / "tickets.yaml").read_text().replace("127.0.0.1:8086", f"127.0.0.1:{port}")
    daemon = Daemon(f"http: {{ trusted_proxies: [127.0.0.1] }}\nrealms:\n{realm}",
                    program=BUILD / "tests/latchkeyd-example")
    try:
        daemon.start()
        done = daemon.call("UserService/CreateUser", {
            "realm": "tickets", "email": "agent@example.com", "password": "open the gate please",
            "roles": ["agent"]})
        assert done.code == 0, done.err
        told = subprocess.run(["sh", example / "ask.sh"], capture_output=True, text=True,
                              env={**os.environ, "URL": f"http://127.0.0.1:{port}"})
    finally:
        daemon.clean_up()
    expected = (example / "expected").read_text()
    sys.stdout.writelines(difflib.unified_diff(
        expected.splitlines(True), told.stdout.splitlines(True), "the page", "the program"))
    sys.stderr.write(told.stderr)
    return told.returncode or int(told.stdout != expected)


if __name__ == "__main__":
    sys.exit(main())
