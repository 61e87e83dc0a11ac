# SPDX-License-Identifier: MIT
"""examples/nginx as it stands, its ports aside: a real nginx in front of products."""

import http.server
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from harness import free_port

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples/nginx"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"

# A realm's last digit in the ports of the examples.
REALMS = {"basicsos": 1, "incrm": 2, "briksync": 3, "gateway": 4, "omnicrm": 5}


class Product(http.server.ThreadingHTTPServer):
    """Answers everything with 200 and `body`, and remembers what came."""

    def __init__(self, body=b"data"):
        self.seen = []
        self.body = body
        super().__init__(("127.0.0.1", 0), Handler)

    def last(self):
        return self.seen[-1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, self.headers, body))
        self.send_response(401 if self.path.endswith("/sulks") else 200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else self.server.body)

    do_GET = do_HEAD = do_POST = do_DELETE = do_OPTIONS = do_PATCH = answer

    def log_message(self, *args):
        pass


class ForClass:
    """Cleans up after a class, where a test would after itself."""

    def __init__(self, test_class):
        self.addCleanup = test_class.addClassCleanup
        self.enterContext = test_class.enterClassContext


def start_product(test, body=b"data"):
    product = Product(body)
    thread = threading.Thread(target=product.serve_forever)
    thread.start()
    test.addCleanup(thread.join)
    test.addCleanup(product.server_close)
    test.addCleanup(product.shutdown)
    return product


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start_nginx(test, served, product):
    """nginx in front of realms whose ports are `served`; returns its own for each of them."""
    directory = pathlib.Path(test.enterContext(tempfile.TemporaryDirectory(prefix="nginx-")))
    directory.chmod(0o755)  # its workers are of another user when it is started by root
    ports = {realm: free_port() for realm in REALMS}
    moved = {}
    for realm, digit in REALMS.items():
        moved[9080 + digit] = ports[realm]
        moved[8080 + digit] = served.get(realm, 1)
        moved[9180 + digit] = product.server_port
    for path in EXAMPLES.glob("*.conf"):
        text = re.sub(r"(?<=127\.0\.0\.1:)(\d+)(?=;)", lambda m: str(moved[int(m[1])]),
                      path.read_text())
        (directory / path.name).write_text(text)
    words = [NGINX, "-p", directory, "-e", "error.log", "-c", directory / "nginx.conf"]
    subprocess.run([*words, "-t"], check=True, capture_output=True)
    process = subprocess.Popen([*words, "-g", "daemon off;"], stdin=subprocess.DEVNULL)
    test.addCleanup(process.wait)
    test.addCleanup(process.send_signal, signal.SIGTERM)
    deadline = time.monotonic() + 60
    while not is_listening(ports["omnicrm"]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return ports


class Curl:
    """What curl printed with -i."""

    def __init__(self, done):
        head, _, self.body = done.stdout.decode("latin-1").partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = [line.partition(": ")[::2] for line in lines[1:]]

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        if len(values) > 1:
            raise AssertionError(f"{name} comes {len(values)} times: {values}")
        return values[0] if values else None

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r}"
