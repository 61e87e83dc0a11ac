# SPDX-License-Identifier: MIT
"""The operations address: is the daemon ready, and what does it count?"""

import pathlib
import re
import resource
import subprocess
import threading
import unittest

import prometheus
from harness import BUILD, free_port
from web import WebTest, headers, plain

MANUAL = pathlib.Path(__file__).resolve().parents[2] / "server/latchkeyd.8"
ANY = "/api/v1/any"


class Operations(WebTest):
    def operations(self, path, *args, **more):
        return self.once(path, *args, port="operations", **more)

    def metrics(self):
        """{series: value}"""
        answer = self.operations("/_latchkey/metrics")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.header("Content-Type"),
                         "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(answer.header("Cache-Control"), "no-store")
        return {
            f"{name}{{{labels}}}" if labels else name: value
            for name, (_, samples) in prometheus.read(answer.body.decode()).items()
            for labels, value in samples.items()
        }

    def calls(self, method, outcome="ok"):
        series = f'latchkey_calls_total{{method="latchkey.v1.{method}",outcome="{outcome}"}}'
        return self.metrics()[series]

    def test_ready_means_that_changes_are_taken(self):
        for method in ("GET", "HEAD"):
            answer = self.operations("/_latchkey/readyz", method)
            self.assertEqual((answer.status, answer.header("Cache-Control")), (200, "no-store"))
        self.assertEqual(self.operations("/_latchkey/readyz").json, {"status": "ok"})
        answer = self.operations("/_latchkey/readyz", "POST", body=b"")
        self.assertEqual((answer.status, answer.header("Allow")), (405, "GET, HEAD"))

    def test_after_a_failed_write_it_is_not_ready_but_verifies(self):
        d = self.daemon
        d.stop()
        # A signal that is ignored stays ignored, and a write beyond the limit is an error.
        d.prefix = ["sh", "-c", 'trap "" XFSZ; exec "$@"', "sh"]
        d.start()
        id, key = d.create_key("crm", scopes=["*"])
        self.assertEqual(self.metrics()["latchkey_store_writable"], 1)
        _, hard = resource.prlimit(d.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(d.process.pid, resource.RLIMIT_FSIZE, (0, hard))
        done = d.call("KeyService/RevokeKey", {"realm": "crm", "id": id})
        self.assertIn("UNAVAILABLE", done.err)
        answer = self.operations("/_latchkey/readyz")
        self.assertEqual((answer.status, answer.json), (503, {"status": "takes no changes"}))
        self.wait_for(lambda: self.metrics()["latchkey_store_writable"] == 0)
        self.assertEqual(self.operations("/_latchkey/healthz").status, 200)
        # What could not be revoked is refused all the same.
        self.assertEqual(self.verify(plain(ANY, key=key)).json["error"]["code"], 401021)

    def test_operations_are_on_no_other_address(self):
        for port in ("crm", "shop"):
            for path in ("/_latchkey/metrics", "/_latchkey/readyz"):
                self.assertEqual(self.once(path, port=port).status, 404)
        for host in ("crm.localhost", "localhost"):
            answer = self.once("/_latchkey/metrics", port="shared", headers={"Host": host})
            self.assertEqual(answer.status, 404)

    def test_what_is_of_realms_is_not_on_the_address_of_operations(self):
        _, key = self.daemon.create_key("crm", scopes=["*"])
        for path in ("/_latchkey/verify", "/.well-known/jwks.json", "/api/v1/openapi.json",
                     "/api/v1/api-key", "/", "/metrics"):
            for host in ("crm.localhost", "127.0.0.1"):
                answer = self.operations(path, headers={**headers(key=key), "Host": host})
                self.assertEqual((answer.status, answer.json["code"]), (404, "not_found"), path)

    def test_the_manual_lists_the_metrics_that_there_are(self):
        section = MANUAL.read_text().split(".Sh METRICS")[1].split(".Sh ")[0]
        listed = re.findall(r"\.It Li (latchkey_\w+)", section)
        body = self.operations("/_latchkey/metrics").body.decode()
        self.assertEqual(sorted(listed), sorted(prometheus.read(body)))

    def test_metrics_tell_nothing_of_anybody(self):
        _, key = self.daemon.create_key("crm", scopes=["*"], userId="u_secret", name="n_secret")
        self.verify(plain(ANY, key=key))
        body = self.operations("/_latchkey/metrics").body.decode()
        for text in (key, "secret", "crm", "127.0.0.1"):
            self.assertNotIn(text, body)

    def test_calls_are_counted(self):
        before = self.metrics()
        _, key = self.daemon.create_key("crm", scopes=["*"])
        for _ in range(3):
            self.verify(plain(ANY, key=key))
        self.daemon.call("KeyService/CreateKey", {"realm": "nowhere", "name": "x"})
        after = self.metrics()

        def grown(method, outcome="ok"):
            series = f'latchkey_calls_total{{method="latchkey.v1.{method}",outcome="{outcome}"}}'
            return after[series] - before[series]

        self.assertEqual(grown("AuthService/Authenticate"), 3)
        self.assertEqual(grown("KeyService/CreateKey"), 1)
        self.assertEqual(grown("KeyService/CreateKey", "error"), 1)
        self.assertEqual(grown("KeyService/RevokeKey"), 0)
        self.assertIn('latchkey_calls_total{method="",outcome="error"}', after)
        # The question itself is answered after it is counted.
        self.assertGreaterEqual(
            after["latchkey_http_requests_total"] - before["latchkey_http_requests_total"], 4)

    def test_keys_sessions_and_commits_are_counted(self):
        before = self.metrics()
        id, _ = self.daemon.create_key("crm", scopes=["*"])
        self.create_user("crm")
        self.sign_in("crm")
        self.wait_for(lambda: self.metrics()["latchkey_sessions"] == 1)
        after = self.metrics()
        self.assertEqual(after["latchkey_keys"] - before["latchkey_keys"], 1)
        self.assertGreater(after["latchkey_index_bytes"], before["latchkey_index_bytes"])
        self.assertGreaterEqual(
            after["latchkey_commits_total"] - before["latchkey_commits_total"], 3)
        for name in ("latchkey_index_unreadable", "latchkey_index_behind"):
            self.assertEqual(after[name], 0)
        self.assertEqual(after["latchkey_store_writable"], 1)

    def test_answers_and_connections_are_counted(self):
        client = self.client()
        before = self.metrics()
        for _ in range(5):
            client.ask(headers=plain(ANY))
        self.once("/_latchkey/healthz")
        after = self.metrics()
        classes = 'latchkey_http_answers_total{class="%s"}'
        self.assertEqual(after[classes % "4xx"] - before[classes % "4xx"], 5)
        self.assertGreaterEqual(after[classes % "2xx"] - before[classes % "2xx"], 1)
        self.assertGreaterEqual(after["latchkey_http_connections"], 1)


class Apart(WebTest):
    """latchkey-bridge as a program of its own, in front of the same daemon."""

    def start_bridge(self):
        config = self.daemon.directory / "bridge.yaml"
        text = self.daemon.config.read_text()
        ports = {name: free_port() for name in self.ports}
        for name, port in self.ports.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{ports[name]}")
        config.write_text(text)
        scopes = ("auth.verify", "auth.sign_in", "keys.read", "keys.manage", "users.read",
                  "client.assert")
        credential = self.daemon.service_key_file("bridge.key", *scopes)
        process = subprocess.Popen(
            [BUILD / "latchkey-bridge", "--config", config, "--server", self.daemon.tcp,
             "--credential-file", credential], stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        self.assertIn("ready", process.stderr.readline())
        self.ports = ports

    def test_it_answers_as_the_daemon_does(self):
        _, key = self.daemon.create_key("crm", scopes=["*"], organizationId="acme")
        self.start_bridge()
        answer = self.verify(plain("/api/v1/client", key=key))
        self.assertEqual((answer.status, answer.header("X-Latchkey-Organization")), (200, "acme"))
        self.assertEqual(self.verify(plain("/api/v1/client")).json["error"]["code"], 401010)
        self.assertEqual(self.once("/_latchkey/readyz", port="operations").status, 200)
        keys = self.once("/.well-known/jwks.json", port="shop").json["keys"]
        self.assertEqual(keys[0]["crv"], "Ed25519")
        body = self.once("/_latchkey/metrics", port="operations").body.decode()
        self.assertIn("latchkey_http_requests_total", prometheus.read(body))

    def test_without_the_daemon_it_lets_nobody_in_and_is_not_ready(self):
        _, key = self.daemon.create_key("crm", scopes=["*"])
        self.start_bridge()
        self.assertEqual(self.verify(plain(ANY, key=key)).status, 200)
        self.daemon.stop()
        answers = {}

        def ask(name, *args, **more):
            answers[name] = self.once(*args, **more)

        threads = [
            threading.Thread(target=ask, args=("ready", "/_latchkey/readyz"),
                             kwargs={"port": "operations"}),
            threading.Thread(target=ask, args=("verify",),
                             kwargs={"headers": plain(ANY, key=key)}),
            threading.Thread(target=ask, args=("shop",),
                             kwargs={"headers": plain(ANY, bearer="x"), "port": "shop"}),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers["ready"].status, 503)
        self.assertEqual(answers["verify"].json["error"]["code"], 503000)
        self.assertIn(answers["shop"].status, (503, 504))
        self.assertEqual(self.once("/_latchkey/healthz").status, 200)
        # Which paths are public, the daemon knows.
        self.assertEqual(self.verify(plain("/api/v1/public/page")).status, 503)

    def test_with_a_key_that_is_revoked_it_blames_no_client(self):
        _, key = self.daemon.create_key("shop", scopes=["*"])
        self.start_bridge()
        self.assertEqual(self.verify(plain(ANY, key=key), port="shop").status, 200)
        [own] = self.ask("KeyService/ListKeys", {"realm": "latchkey"})["keys"]
        self.ask("KeyService/RevokeKey", {"realm": "latchkey", "id": own["id"]})
        for port in ("shop", "crm"):
            answer = self.verify(plain(ANY, bearer="x"), port=port)
            self.assertEqual((answer.status, answer.header("WWW-Authenticate")), (503, None))


if __name__ == "__main__":
    unittest.main()
