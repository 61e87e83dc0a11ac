# SPDX-License-Identifier: MIT
"""A latchkeyd of a test's own, and the CLI to talk to it. Standard library only."""

import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BUILD = pathlib.Path(os.environ.get("LATCHKEY_BUILD", "build/release")).resolve()

REALMS = """\
realms:
  shop: { permissions: [orders.read, orders.write, stock.read], keys_per_owner_max: 3 }
  blog: { key_prefix: shop_, permissions: [posts.read] }
"""


# Below the ports that the kernel gives to whoever connects, who may be another test; each once,
# from where no other process is likely to begin.
FIRST_PORT, N_PORTS = 20000, 12000
ports = itertools.count(random.randrange(N_PORTS))


def free_port():
    for n in ports:
        port = FIRST_PORT + n % N_PORTS
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Result:
    """What a program printed, and its exit code."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self):
        return json.loads(self.out)


class Daemon:
    """Starts latchkeyd in a directory of its own."""

    def __init__(self, realms=REALMS, directory=None, prefix=(), program=BUILD / "latchkeyd"):
        self.program = program
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="latchkey-e2e-"))
        self.is_own_directory = directory is None
        self.port = free_port()
        self.config = self.directory / "latchkeyd.yaml"
        self.log = self.directory / "latchkeyd.log"
        self.socket = self.directory / "run" / "rpc.sock"
        self.prefix = list(prefix)
        self.process = None
        self.write_config(realms)

    @property
    def operator(self):
        return f"ipc://{self.socket}"

    @property
    def ipc(self):
        """For services, with a key."""
        return f"ipc://{self.socket.parent}/services.sock"

    @property
    def tcp(self):
        return f"tcp://127.0.0.1:{self.port}"

    def write_config(self, realms):
        self.config.write_text(
            f"data_dir: {self.directory}/data\n"
            f"listen:\n  operator: {self.operator}\n  rpc: ['{self.tcp}', '{self.ipc}']\n"
            "store: { reserve_mib: 64, usage_flush: 100ms }\n" + realms
        )

    def spawn(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, self.program, "--config", self.config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def start(self):
        starts = self.log.read_text().count("info ready") if self.log.exists() else 0
        self.spawn()
        deadline = time.monotonic() + 60
        # The operator's socket answers before the other listeners are open.
        while (
            self.log.read_text().count("info ready") == starts
            or self.cli("--timeout", "1s", "health").code != 0
        ):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("latchkeyd did not start:\n" + self.log.read_text())
            time.sleep(0.02)
        return self

    def stop(self, how=signal.SIGTERM):
        """Returns the exit code."""
        self.process.send_signal(how)
        return self.process.wait(timeout=30)

    def clean_up(self):
        if self.process is not None and self.process.poll() is None:
            self.stop(signal.SIGKILL)
        if self.is_own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def cli(self, *words, stdin="", server=None):
        """Runs `latchkey`; the operator's socket unless another server is named."""
        return Result(
            subprocess.run(
                [BUILD / "latchkey", "--server", server or self.operator, *words],
                input=stdin,
                capture_output=True,
                text=True,
                timeout=60,
            )
        )

    def call(self, method, request, **more):
        """One RPC through `latchkey call`, which takes secrets from standard input only."""
        return self.cli(
            "call", "latchkey.v1." + method, "-", stdin=json.dumps(request), **more
        )

    def create_key(self, realm="shop", **fields):
        """Returns the id and the secret."""
        done = self.call("KeyService/CreateKey", {"realm": realm, "name": "test", **fields})
        if done.code != 0:
            raise AssertionError(done.err)
        return done.json["key"]["id"], done.json["secret"]

    def verdict(self, secret, realm="shop", **fields):
        """The verdict on a key: "allowed", or the reason."""
        done = self.call(
            "AuthService/Authenticate",
            {
                "realm": realm,
                "credentials": [{"kind": "CREDENTIAL_KIND_API_KEY", "value": secret}],
                **fields,
            },
        )
        if done.code != 0:
            raise AssertionError(done.err)
        if done.json.get("allowed"):
            return "allowed"
        return done.json["reason"].removeprefix("DENY_REASON_")

    def service_key_file(self, name, *scopes, realms=("*",)):
        """A file with a new service key."""
        _, secret = self.create_key("latchkey", scopes=list(scopes), realms=list(realms))
        path = self.directory / name
        path.write_text(secret + "\n")
        path.chmod(0o600)
        return path


class DaemonTest(unittest.TestCase):
    """A fresh daemon for each test."""

    realms = REALMS

    def setUp(self):
        self.daemon = Daemon(self.realms)
        self.addCleanup(self.daemon.clean_up)
        self.daemon.start()
