# SPDX-License-Identifier: MIT
"""latchkey-bench http against nginx, which knows three keys, and against a server that misbehaves.
Short runs: how fast anything is matters nothing here."""

import itertools
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from contextlib import suppress

BUILD = pathlib.Path(os.environ.get("LATCHKEY_BUILD", "build/release")).resolve()

NGINX = "/usr/sbin/nginx"
CONFIG = """\
daemon off;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  log_format short "$status $http_x_api_key $http_x_original_method $http_x_original_uri";
  access_log access.log short;
  map $http_x_api_key $id {{ ada key_ada; eve key_eve; default ""; }}
  add_header X-Latchkey-Key $id always;
  server {{
    listen 127.0.0.1:{0};
    location /plain {{ return 200; }}
    location /body {{ return 200 "{1}"; }}
    location /verify {{ if ($id = "") {{ return 401; }} return 200; }}
    location /refusal {{ return 401; }}
  }}
  server {{
    listen 127.0.0.1:{2};
    keepalive_requests 3;
    location / {{ return 200; }}
  }}
}}
"""


def bound_socket():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


class Nginx:
    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="latchkey-bench-test-"))
        with bound_socket() as one, bound_socket() as other:
            self.port, self.hasty_port = one.getsockname()[1], other.getsockname()[1]
        config = self.directory / "nginx.conf"
        config.write_text(CONFIG.format(self.port, "b" * 3000, self.hasty_port))
        self.process = subprocess.Popen(
            [NGINX, "-p", self.directory, "-e", "stderr", "-c", config],
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("nginx did not start")
            time.sleep(0.02)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def take_log(self):
        """What was asked since the last time."""
        log = self.directory / "access.log"
        lines = log.read_text().splitlines()
        os.truncate(log, 0)
        return lines

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        shutil.rmtree(self.directory)


class Responder:
    """Answers the nth request on all connections with what `answer(n)` says: bytes, or a list of
    them to be sent apart; None closes the connection."""

    def __init__(self, answer):
        self.answer = answer
        self.numbers = itertools.count()
        self.listener = bound_socket()
        self.listener.listen(64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        received = b""
        with sock, suppress(OSError):
            while True:
                while b"\r\n\r\n" not in received:
                    more = sock.recv(4096)
                    if not more:
                        return
                    received += more
                received = received.split(b"\r\n\r\n", 1)[1]
                said = self.answer(next(self.numbers))
                if said is None:
                    return
                for part in said if isinstance(said, list) else [said]:
                    sock.sendall(part)

    def stop(self):
        self.listener.close()


def bench(*words):
    return subprocess.run(
        [BUILD / "latchkey-bench", "http", *words], capture_output=True, text=True, timeout=60
    )


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SHORT = ("--duration=100", "--rounds=1", "--connections=4")


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.nginx = Nginx()
        cls.addClassCleanup(cls.nginx.stop)

    def setUp(self):
        self.nginx.take_log()

    def key_file(self, text):
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write(text)
        self.addCleanup(os.unlink, file.name)
        return f"--key-file={file.name}"

    def measure(self, url, *words):
        done = bench(f"--url={url}", "--json", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)[0]

    def check_fails(self, text, url, *words):
        done = bench(f"--url={url}", *SHORT, *words)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(text, done.stderr)
        self.assertEqual(done.stdout, "")

    def check_responder_fails(self, text, answer, *words):
        responder = Responder(answer)
        self.addCleanup(responder.stop)
        self.check_fails(text, responder.url, *words)

    def test_an_open_loop_asks_as_often_as_it_was_told(self):
        """Two rounds are counted, and one before them warms up."""
        words = ("--rate=1000", "--duration=200", "--rounds=2")
        for more in ((), ("--threads=2", "--pipeline=3", "--connections=5"), ("--connections=1",)):
            found = self.measure(self.nginx.url("/plain"), *words, *more)
            self.assertEqual(found["verify_answers"], 400)
            self.assertEqual(len(self.nginx.take_log()), 600)

    def test_a_closed_loop_counts_every_answer(self):
        for more in ((), ("--threads=2", "--pipeline=8", "--connections=5")):
            found = self.measure(self.nginx.url("/body"), "--duration=50", "--rounds=1", *more)
            asked = len(self.nginx.take_log())
            self.assertGreater(found["verify_answers"], 0)
            self.assertGreater(asked, found["verify_answers"])
            self.assertGreater(found["verify_p999_us"], 0)
            self.assertLessEqual(found["verify_p50_us"], found["verify_p999_us"])

    def test_each_key_is_shown_and_its_verdict_checked(self):
        keys = self.key_file("ada key_ada\neve\nmallory -\n")
        words = ("--rate=1000", "--duration=200", "--rounds=1", "--bad=25%", "--uri=/orders/1")
        self.assertEqual(
            self.measure(self.nginx.url("/verify"), keys, *words)["verify_answers"], 200
        )
        log = self.nginx.take_log()
        self.assertEqual(
            set(log),
            {"200 ada GET /orders/1", "200 eve GET /orders/1", "401 mallory GET /orders/1"},
        )
        refused = sum(line.startswith("401") for line in log)
        self.assertTrue(40 < refused < 160, refused)

    def test_a_key_that_should_be_let_in_and_is_not_fails_the_run(self):
        self.check_fails(
            "401 where 200 was due", self.nginx.url("/verify"), self.key_file("mallory\n")
        )
        self.check_fails("401 where 200 was due", self.nginx.url("/refusal"))

    def test_a_key_that_should_be_refused_and_is_not_fails_the_run(self):
        keys = self.key_file("ada\neve -\n")
        self.check_fails("200 where 401 was due", self.nginx.url("/verify"), keys, "--bad=10")

    def test_an_answer_for_somebody_else_fails_the_run(self):
        self.check_fails(
            "200 with X-Latchkey-Key 'key_eve' instead of 'key_ada'",
            self.nginx.url("/verify"),
            self.key_file("eve key_ada\n"),
        )
        self.check_fails(
            "200 with X-Latchkey-Key '' instead of 'key_ada'",
            self.nginx.url("/plain"),
            self.key_file("mallory key_ada\n"),
        )

    def test_a_refusal_that_names_somebody_fails_the_run(self):
        self.check_fails(
            "401 with X-Latchkey-Key 'key_ada' instead of ''",
            self.nginx.url("/refusal"),
            self.key_file("eve\nada -\n"),
            "--bad=100",
        )

    def test_one_wrong_answer_among_many_fails_the_run(self):
        denied = OK.replace(b"200", b"403")
        self.check_responder_fails(
            "1 were wrong, 0 failed: 403 where 200 was due", lambda n: denied if n == 5 else OK
        )

    def test_an_answer_may_come_in_pieces(self):
        responder = Responder(lambda n: [OK[i : i + 9] for i in range(0, len(OK), 9)])
        self.addCleanup(responder.stop)
        self.assertGreater(self.measure(responder.url, *SHORT)["verify_answers"], 0)
        self.assertGreater(self.measure(responder.url, *SHORT, "--pipeline=4")["verify_answers"], 0)

    def test_a_connection_that_ends_as_announced_is_opened_again(self):
        url = f"http://127.0.0.1:{self.nginx.hasty_port}/"
        self.assertGreater(self.measure(url, *SHORT)["verify_answers"], 0)
        words = ("--rate=1000", "--duration=200", "--rounds=1", "--connections=4")
        self.assertEqual(self.measure(url, *words)["verify_answers"], 200)

    def test_a_connection_that_ends_before_the_answer_fails_the_run(self):
        text = "the server closed a connection on which it owed an answer"
        self.check_responder_fails(text, lambda n: None if n == 5 else OK)

    def test_two_answers_to_one_request_fail_the_run(self):
        text = "the server says more than it was asked"
        self.check_responder_fails(text, lambda n: OK + OK if n == 5 else OK)

    def test_an_answer_without_an_end_fails_the_run(self):
        text = "an answer is not HTTP/1.1 with a Content-Length"
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        for said in (b"HTTP/1.1 200 OK\r\n\r\nok", chunked, b"rubbish\r\n\r\n"):
            self.check_responder_fails(text, lambda n, said=said: said)
        self.check_responder_fails(
            "the head of an answer is too long", lambda n: b"HTTP/1.1 200 OK\r\nA: " + b"a" * 9000
        )

    def test_a_server_that_is_not_there_fails_the_run(self):
        with bound_socket() as sock:
            url = f"http://127.0.0.1:{sock.getsockname()[1]}/"
            self.check_fails("the server accepts no connection", url)

    def test_nginx_is_measured_in_turn(self):
        found = self.measure(self.nginx.url("/plain"), "--compare", *SHORT)
        self.assertGreater(found["nginx_answers"], 0)
        self.assertGreater(len(self.nginx.take_log()), found["verify_answers"])
        self.assertLessEqual(found["ratio_min"], found["ratio_max"])
        text = bench(f"--url={self.nginx.url('/plain')}", "--compare", *SHORT).stdout
        self.assertRegex(text, r"(?m)^nginx +4 +1 +closed ")
        self.assertRegex(text, r"(?m)^server +4 +1 +closed ")

    def test_what_makes_no_sense_is_refused(self):
        url = f"--url={self.nginx.url('/plain')}"
        for words, code, text in (
            (("--url=tcp://x",), 1, "must start with http://"),
            (("--url=http://x:y/",), 1, "is not http://host:port/path"),
            ((url, "--key-file=/nowhere"), 1, "--key-file"),
            ((url, self.key_file("a b c\n" + "x" * 700)), 1, "--key-file"),
            ((url, "--bad=10", self.key_file("ada\n")), 1, "--bad needs lines 'KEY -'"),
            (("--uri=/x",), 2, "are for a --url"),
            ((url, "--bad=101%"), 2, "--bad takes a whole number"),
            ((url, "--threads=2", "--connections=1"), 2, "--threads must not be above"),
        ):
            done = bench(*words)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    unittest.main()
