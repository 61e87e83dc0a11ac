#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our reader of requests beside nginx and node, with the connections of cases.py.

Whatever we take, both others read as the same request: method, target, headers, and where its body
ends. We may be stricter, where the table says so; never laxer. With --table, prints what each made
of each case.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from cases import CASES, NGINX, NODE

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("LATCHKEY_BUILD", "build/release")).resolve()
KNOWN = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
PATIENCE_S = 60

NGINX_CONFIG = """\
daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events { worker_connections 64; }
http {
    log_format lines escape=json '{"connection":$connection,"status":$status,'
        '"method":"$request_method","target":"$request_uri","length":"$content_length",'
        '"host":"$http_host","authorization":"$http_authorization","key":"$http_x_api_key"}';
    access_log access.log lines;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    large_client_header_buffers 4 16k; client_max_body_size 0; lingering_close off;
    server { listen unix:nginx.sock; return 200; }
}
"""


class Request:
    """How somebody read a request; what they do not tell is None."""

    def __init__(self, method, target, length=None, headers=None):
        self.method = method
        self.target = target
        self.length = length
        self.headers = headers
        self.body = None
        self.found = {}

    def find(self, name):
        return next((value for key, value in self.headers if key.lower() == name), "")

    def agrees(self, other):
        """Whether `other` read what we read."""
        return (self.method == other.method and self.target == other.target
                and other.length in (None, self.length)
                and other.headers in (None, self.headers)
                and (None in (self.body, other.body) or self.body == other.body)
                and all(self.find(name) == value for name, value in other.found.items()))


def text(digits):
    return bytes.fromhex(digits).decode("latin-1")


def read_ours(data):
    """The requests that we take, and what ends the connection."""
    done = subprocess.run([BUILD / "tests/http_parse_stdin"], input=data, check=True,
                          stdout=subprocess.PIPE)
    requests, end = [], ""
    for line in done.stdout.decode("latin-1").splitlines():
        kind, *words = line.split("\t")
        if kind == "request":
            requests.append(Request(words[0], words[1], int(words[2]), []))
        elif kind == "header":
            requests[-1].headers.append((text(words[0]), text(words[1])))
        elif kind == "body":
            requests[-1].body = words[0]
        else:
            end = words[0] if words else kind
    return requests, end


class Other:
    """One of the two others. Its connections are numbered; the first is only to see it awake."""

    def __init__(self, directory, arguments, log, path):
        self.directory = directory
        self.path = directory / path
        self.log = directory / log
        with open(directory / "output", "wb") as output:
            self.process = subprocess.Popen(arguments, cwd=directory, stdout=output)

    def connect(self):
        """Waits for it to listen, for as long as it lives."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(PATIENCE_S)
            try:
                client.connect(str(self.path))
                return client
            except OSError:
                client.close()
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    def talk(self, data):
        """Sends all, waits until the connection is closed, and returns the statuses."""
        answer = b""
        with self.connect() as client:
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                while more := client.recv(65536):
                    answer += more
            except (BrokenPipeError, ConnectionResetError):
                pass  # closed before it had read all: what it logged counts
        return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3})", answer, re.M)]

    def run(self, cases):
        """For each case the requests that were read, and the statuses of the answers."""
        try:
            self.connect().close()
            statuses = [self.talk(case.data) for case in cases]
        finally:
            self.process.terminate()
            self.process.wait(PATIENCE_S)
        lines = [json.loads(line) for line in self.log.read_text(self.encoding).splitlines()]
        return list(zip(self.read(lines, len(cases)), statuses))


class Node(Other):
    encoding = "utf-8"

    def __init__(self, directory):
        super().__init__(directory, [os.environ.get("NODE", "node"), HERE / "echo.mjs",
                                     "node.sock"], "output", "node.sock")

    def read(self, lines, n):
        read = [[] for _ in range(n)]
        for line in lines:
            requests = read[line["connection"] - 1]
            if "body" in line:
                next(one for one in requests if one.body is None).body = line["body"]
                continue
            names = line["headers"]
            requests.append(Request(line["method"], line["target"],
                                    headers=list(zip(names[::2], names[1::2]))))
        return read


class Nginx(Other):
    encoding = "latin-1"  # it writes the bytes of values as they are

    def __init__(self, directory):
        (directory / "nginx.conf").write_text(NGINX_CONFIG)
        program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        super().__init__(directory, [program, "-p", directory, "-c", "nginx.conf"], "access.log",
                         "nginx.sock")

    def read(self, lines, n):
        read = [[] for _ in range(n)]
        for line in lines:
            if line["status"] != 200:
                continue
            request = Request(line["method"], line["target"], int(line["length"] or "0"))
            request.found = {"host": line["host"], "authorization": line["authorization"],
                             "x-api-key": line["key"]}
            read[line["connection"] - 2].append(request)  # nginx counts from 1
        return read


def run_all():
    """For each case what was made of it: by us, by nginx, by node."""
    with tempfile.TemporaryDirectory(prefix="latchkey-http-") as name:
        others = {}
        for kind, other in ((NGINX, Nginx), (NODE, Node)):
            directory = pathlib.Path(name) / kind
            directory.mkdir()
            others[kind] = other(directory).run(CASES)
    return [(case, *read_ours(case.data), {kind: read[i] for kind, read in others.items()})
            for i, case in enumerate(CASES)]


class Differential(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.results = run_all()

    def test_there_are_enough_cases_and_each_has_its_name(self):
        self.assertGreaterEqual(len(CASES), 130)
        self.assertEqual(len({case.name for case in CASES}), len(CASES))

    def test_our_reading_is_the_one_of_the_table(self):
        for case, ours, end, _ in self.results:
            with self.subTest(case.name):
                self.assertEqual(f"{len(ours)} {end}".strip(), case.ours)

    def test_what_we_take_is_read_the_same_by_both(self):
        for case, ours, _, others in self.results:
            for kind, (theirs, _) in others.items():
                with self.subTest(case.name, other=kind):
                    self.check_same(case, ours, kind, theirs)

    def check_same(self, case, ours, kind, theirs):
        for i, request in enumerate(ours):
            if i >= len(theirs):
                # They may refuse what is well formed where they know of more to refuse; a method
                # that is none of ours is answered with 405 or 501 by us as well.
                self.assertTrue(kind in case.refuses or request.method not in KNOWN)
                return
            self.assertTrue(request.agrees(theirs[i]),
                            f"{vars(request)} and {vars(theirs[i])}")

    def test_what_they_take_and_we_do_not_is_in_the_table(self):
        for case, ours, end, others in self.results:
            if end == "close":
                continue
            for kind, (theirs, _) in others.items():
                with self.subTest(case.name, other=kind):
                    self.assertTrue(len(theirs) <= len(ours) or kind in case.laxer)


def print_table():
    print(f"{'':48} {'ours':12} {NGINX:20} {NODE:20}")
    for case, ours, end, others in run_all():
        row = f"{case.name[:47]:48} {f'{len(ours)} {end}':12} "
        for kind in (NGINX, NODE):
            theirs, statuses = others[kind]
            words = f"{len(theirs)} {' '.join(map(str, statuses[:3]))}"
            row += f"{words:20} "
        print(row.rstrip())


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print_table()
    else:
        unittest.main()
