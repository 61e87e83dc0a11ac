# SPDX-License-Identifier: MIT
"""What everybody may have of the engine: time, connections, descriptors; and how it ends."""

import os
import resource
import signal
import socket
import subprocess
import time
import unittest

from engine import BUILD, HELLO, PATIENCE_S, EngineTest, Server, get, post


def dribble(client, data=b"x"):
    """Sends a byte at a time until the server has said something."""
    client.socket.settimeout(0.01)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            client.send(data)
            if not client.more() or client.rest:
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    else:
        raise AssertionError("the server lets itself be dribbled at")
    client.socket.settimeout(PATIENCE_S)


class Deadlines(EngineTest):
    options = ("-l", "2", "-h", "300", "-b", "300", "-i", "300", "-s", "300")

    def test_a_head_that_dribbles_in_is_answered_408(self):
        client = self.client().send(b"GET /hello HTTP/1.1\r\nX: ")
        dribble(client)
        answer = client.answer()
        self.assertEqual(answer.status, 408)
        self.assertTrue(answer.closes)
        self.assertTrue(client.is_at_end())

    def test_a_body_that_dribbles_in_is_answered_408(self):
        client = self.client().send(post("/echo", b"x" * 65536)[:-65536])
        dribble(client)
        self.assertEqual(client.answer().status, 408)
        self.assertTrue(client.is_at_end())

    def test_silence_in_a_head_or_a_body_is_answered_408(self):
        for request in [HELLO[:-1], b"\r\n" + HELLO[:-1], post("/echo", b"abc")[:-1]]:
            client = self.client().send(request)
            self.assertEqual(client.answer().status, 408)
            self.assertTrue(client.is_at_end())

    def test_who_says_nothing_is_left_without_a_word(self):
        for request in [b"", b"\r\n"]:
            self.assertTrue(self.client().send(request).is_at_end())
        client = self.client()
        client.ask(HELLO)
        self.assertTrue(client.is_at_end())
        self.assertEqual(self.count()["refused"], 0)

    def test_each_request_has_a_deadline_of_its_own(self):
        """The head of the next begins with the rest of the last, and counts anew; together they
        take longer than one may."""
        self.server.stop()
        self.server = Server("-h", "2000")
        client = self.client()
        head, rest = HELLO[:10], HELLO[10:]
        client.send(head)
        for _ in range(5):
            time.sleep(0.5)
            client.send(rest + head)
            self.assertEqual(client.answer().status, 200)
        self.assertEqual(client.answer().status, 408)

    def test_who_does_not_read_the_answers_is_not_answered_on_and_then_cut_off(self):
        """All requests arrive at once; the answers to the first few fill what room there is."""
        client = self.client(receive_buffer=4096)
        client.send(get("/big?100000") * 300)
        self.wait_until(lambda: self.count()["answered"] > 0)
        self.wait_until(lambda: self.count()["open"] == 1)
        self.assertLess(self.count()["answered"], 50)
        with self.assertRaises(ConnectionResetError):
            while client.socket.recv(65536):
                pass

    def test_who_reads_an_answer_byte_by_byte_is_cut_off(self):
        client = self.client(receive_buffer=4096).send(get("/big?10000000"))
        self.assertEqual(client.socket.recv(1), b"H")
        while self.count()["open"] > 1:
            client.socket.recv(1)
        with self.assertRaises(ConnectionResetError):
            while client.socket.recv(65536):
                pass

    def test_the_handler_has_no_deadline(self):
        client = self.client().send(get("/never"))
        self.assertTrue(self.client().is_at_end())
        self.assertTrue(self.client().is_at_end())
        self.assertEqual(self.client().ask(get("/release")).status, 200)
        self.assertEqual(client.answer().text, "released")

    def test_who_lingers_after_a_refusal_is_cut_off(self):
        client = self.client().send(get("/%4"))
        self.assertEqual(client.answer().status, 400)
        dribble(client)
        self.wait_until(lambda: self.count()["open"] == 1)


class Connections(EngineTest):
    options = ("-l", "2", "-c", "20", "-a", "5")

    def check_turned_away(self, client):
        answer = client.answer()
        self.assertEqual(answer.status, 503)
        self.assertTrue(answer.closes)
        self.assertTrue(client.is_at_end())

    def test_connections_over_the_total_are_turned_away_at_once(self):
        clients = [self.client() for _ in range(20)]
        for client in clients:
            self.assertEqual(client.ask(HELLO).status, 200)
        for _ in range(50):
            self.check_turned_away(self.client())
        self.assertEqual(clients[0].ask(HELLO).status, 200)
        clients.pop().close()
        self.wait_until(lambda: self.client().ask(HELLO).status == 200)
        self.assertIn("trouble: connections are turned away", self.server.text())

    def test_trouble_is_told_once_a_second_at_most(self):
        for _ in range(20):
            self.client().ask(HELLO)
        started = time.monotonic()
        for _ in range(500):
            self.check_turned_away(self.client())
        seconds = time.monotonic() - started
        lines = self.server.text().count("trouble:")
        self.assertLessEqual(lines, 2 * (seconds + 2))

    def test_an_address_has_so_many_connections_and_no_more(self):
        address = self.listen_on_another_address()
        clients = [self.client(host=address) for _ in range(5)]
        for client in clients:
            self.assertEqual(client.ask(HELLO).status, 200)
        self.check_turned_away(self.client(host=address))
        self.assertEqual(self.client().ask(HELLO).status, 200)
        clients.pop().close()
        self.wait_until(lambda: self.client(host=address).ask(HELLO).status == 200)

    def test_loopback_has_no_limit_of_its_own(self):
        for source in ["127.0.0.1", "127.0.0.2"]:
            for _ in range(8):
                self.assertEqual(self.client(source=source).ask(HELLO).status, 200)

    def listen_on_another_address(self):
        """The machine's own address that is not loopback; who has none cannot try."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
            except OSError:
                self.skipTest("there is no address but loopback")
            address = probe.getsockname()[0]
        self.server.stop()
        self.server = Server("-l", "2", "-c", "20", "-a", "5", "*:0")
        return address


class Memory(EngineTest):
    options = ("-l", "1", "-b", "120000")

    def test_bodies_have_so_much_memory_together_and_no_more(self):
        """Each of them is within its own limit."""
        body = bytes(1_000_000)
        clients = [self.client().send(post("/echo", body)[:-1]) for _ in range(60)]
        for _ in range(20):
            try:
                clients.append(self.client().send(post("/echo", body)[:-1]))
            except ConnectionError:
                pass
        self.wait_until(lambda: self.count()["class_5"] > 0)
        answers = [self.last_byte(client) for client in clients]
        self.assertEqual({200, 503}, {answer.status for answer in answers if answer})
        self.assertGreater(sum(answer.status == 200 for answer in answers if answer), 50)
        self.assertEqual(self.client().ask(post("/echo", body)).status, 200)

    def last_byte(self, client):
        try:
            return client.ask(b"\0")
        except ConnectionError:
            return client.answer()


class Descriptors(EngineTest):
    options = ("-l", "2", "-n", "64")

    def test_running_out_of_descriptors_turns_away_and_goes_on(self):
        first = self.client()
        self.assertEqual(first.ask(HELLO).status, 200)
        clients = [self.client() for _ in range(100)]
        statuses = [client.ask(HELLO).status for client in clients]
        self.assertEqual(set(statuses), {200, 503})
        self.assertEqual(first.ask(HELLO).status, 200)
        self.assertIn("trouble: connections cannot be accepted", self.server.text())
        for client in clients:
            client.close()
        self.wait_until(lambda: self.client().ask(HELLO).status == 200)

    def test_a_listener_that_cannot_accept_takes_no_processor(self):
        """Not even the spare descriptor helps where numbers above its own are forbidden."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        pid = self.server.process.pid
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, most))
        waiting = [self.client().send(HELLO) for _ in range(4)]
        started_s, used_s = time.monotonic(), self.processor_s()
        # Told once a second and loop.
        self.wait_until(lambda: self.server.text().count("trouble:") >= 4)
        elapsed_s = time.monotonic() - started_s
        self.assertLess(self.processor_s() - used_s, elapsed_s / 4)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, most))
        for client in waiting:
            self.assertEqual(client.answer().status, 200)

    def processor_s(self):
        with open(f"/proc/{self.server.process.pid}/stat") as stat:
            fields = stat.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Addresses(EngineTest):
    def start(self, *addresses):
        done = subprocess.run(
            [BUILD / "tests" / "echo_server", *addresses],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stdout

    def test_an_address_that_another_process_serves_is_refused(self):
        address = f"127.0.0.1:{self.server.port}"
        self.assertIn(f"UNAVAILABLE: the address is in use ({address})", self.start(address))
        for _ in range(20):
            self.assertEqual(self.client().ask(HELLO).status, 200)

    def test_what_is_not_an_address_is_refused(self):
        for address in ["", "8080", "127.0.0.1", "localhost:8080", "::1:8080", "[::1]", "[::1:80"]:
            self.assertIn(f"INVALID_ARGUMENT: this is not an address ({address})",
                          self.start(address))
        for port in ["65536", "-1", " 80", "80x", ""]:
            self.assertIn("INVALID_ARGUMENT", self.start(f"127.0.0.1:{port}"))

    def test_all_loops_serve_every_address(self):
        """With 64 connections one is left out by a chance of one in 2^63."""
        clients = [self.client() for _ in range(64)]
        self.assertEqual(len({client.ask(get("/thread")).text for client in clients}), 2)


class Ends(EngineTest):
    def test_draining_answers_what_is_under_way_and_closes_what_is_idle(self):
        idle = self.client()
        self.assertEqual(idle.ask(HELLO).status, 200)
        silent = self.client()
        in_head = self.client().send(HELLO[:10])
        in_body = self.client().send(post("/echo", b"abc")[:-1])
        self.wait_until(lambda: self.count()["open"] == 5)
        self.server.process.send_signal(signal.SIGTERM)
        self.assertTrue(idle.is_at_end())
        self.assertTrue(silent.is_at_end())
        self.wait_until(self.is_nobody_let_in)
        for client, rest, body in [(in_head, HELLO[10:], b"hello"), (in_body, b"c", b"abc")]:
            answer = client.ask(rest)
            self.assertEqual(answer.body, body)
            self.assertTrue(answer.closes)
            self.assertTrue(client.is_at_end())
            client.close()
        self.assertEqual(self.server.stop(), 0)
        self.assertIn("drained: yes", self.server.text())

    def is_nobody_let_in(self):
        """Both loops drain then."""
        try:
            self.client()
        except ConnectionRefusedError:
            return True
        return False

    def test_draining_waits_no_longer_than_it_was_told(self):
        client = self.client().send(get("/never"))
        self.wait_until(lambda: self.count()["held"] == 1)
        self.assertEqual(self.server.stop(), 0)
        self.assertIn("drained: no", self.server.text())
        client.answer()

    def test_stopping_waits_for_every_answer_that_is_owed(self):
        """Under a sanitizer an exchange that was answered too late would be found."""
        for _ in range(20):
            clients = [self.client().send(get("/never") * 3) for _ in range(5)]
            clients += [self.client().send(get("/slow") * 50) for _ in range(5)]
            self.wait_until(lambda: self.count()["requests"] >= 10)
            self.assertEqual(self.server.stop(signal.SIGINT), 0, self.server.text())
            self.server = Server(*self.options)


if __name__ == "__main__":
    unittest.main()
