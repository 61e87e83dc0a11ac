# SPDX-License-Identifier: MIT
"""Connect's own clients for JavaScript, with code that protoc-gen-es makes of our schema, as they
come from npm. connect-node sends its requests in chunks, which the bridge leaves to the proxy in
front of it; fetch, which is below connect-web, tells their length.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from harness import Daemon, free_port  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
NODE_DIR = pathlib.Path(os.environ.get("LATCHKEY_INTEROP", "build/npm")).absolute()
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"

CONFIG = """\
http: { operations: '127.0.0.1:%d' }
realms:
  shop: { permissions: [orders.read, orders.write] }
"""

PROXY = """\
pid nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {
        listen 127.0.0.1:%d;
        location /latchkey.v1. {
            proxy_pass http://127.0.0.1:%d;
            proxy_http_version 1.1;
        }
    }
}
"""

# What an application sees, whatever the transport.
EXPECTED = {
    "same": True,
    "listed": ["from node"],
    "age": True,
    "allowed": [True, False],
    "user": "ada",
    "revoked": "REVOKED",
    "reason": "REVOKED",
    "health": "SERVING",
    "descriptors": True,
    "badName": {"code": "InvalidArgument", "fields": ["name"], "reason": "UNSPECIFIED"},
    "reused": {"code": "AlreadyExists", "fields": [], "reason": "IDEMPOTENCY_KEY_REUSED"},
    "missing": {"code": "NotFound", "fields": [], "reason": None},
    "nobody": {"code": "Unauthenticated", "fields": [], "reason": None},
}


class ConnectClients(unittest.TestCase):
    def setUp(self):
        self.port = free_port()
        self.daemon = Daemon(CONFIG % self.port)
        self.addCleanup(self.daemon.clean_up)
        self.daemon.start()
        _, self.key = self.daemon.create_key("latchkey", scopes=["*"], realms=["shop"])

    def generate(self):
        """The directory of what protoc-gen-es makes of the schema."""
        # Below the packages, so that the code finds what it imports.
        gen = self.enterContext(tempfile.TemporaryDirectory(prefix="gen-", dir=NODE_DIR))
        pathlib.Path(gen, "package.json").write_text('{"type": "module"}')
        subprocess.run(
            ["protoc", f"--plugin={NODE_DIR}/node_modules/.bin/protoc-gen-es", f"--es_out={gen}",
             "--es_opt=target=js,import_extension=js", f"-I{ROOT}/proto",
             *sorted((ROOT / "proto/latchkey/v1").glob("*.proto"))],
            check=True, capture_output=True, text=True,
        )
        return gen

    def start_proxy(self):
        """Its port."""
        port = free_port()
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="nginx-")))
        directory.chmod(0o755)  # its workers are of another user when it is started by root
        (directory / "nginx.conf").write_text(PROXY % (port, self.port))
        words = [NGINX, "-p", directory, "-e", "error.log", "-c", directory / "nginx.conf"]
        process = subprocess.Popen([*words, "-g", "daemon off;"], stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.send_signal, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while not self.is_listening(port):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        return port

    @staticmethod
    def is_listening(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def live(self, *transports):
        request = {"gen": self.generate(), "key": self.key, "transports": transports}
        done = subprocess.run(["node", NODE_DIR / "connect.mjs"], input=json.dumps(request),
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def assert_lives(self, kind, port):
        ways = [
            {"kind": kind, "baseUrl": f"http://127.0.0.1:{port}", "useBinaryFormat": binary}
            for binary in (False, True)
        ]
        for way, seen in zip(ways, self.live(*ways), strict=True):
            self.assertEqual(seen, EXPECTED, way)

    def test_connect_node_behind_a_proxy(self):
        self.assert_lives("node", self.start_proxy())

    def test_connect_web_behind_a_proxy(self):
        self.assert_lives("web", self.start_proxy())

    def test_connect_web_as_it_is(self):
        self.assert_lives("web", self.port)


if __name__ == "__main__":
    unittest.main()
