# SPDX-License-Identifier: MIT
"""Requests and their answers: one after the other, in their order, whoever gives them and when."""

import email.utils
import random
import socket
import struct
import threading
import time
import unittest

from engine import HELLO, Client, EngineTest, Server, get, post


class Answers(EngineTest):
    def test_an_answer_says_what_it_must(self):
        answer = self.client().ask(get("/status?200"))
        self.assertEqual(answer.headers.pop("X-Content-Type-Options"), "nosniff")
        self.assertEqual(answer.headers.pop("Content-Length"), "4")
        self.assertEqual(answer.headers.pop("Cache-Control"), "no-store")
        date = email.utils.parsedate_to_datetime(answer.headers.pop("Date"))
        self.assertLess(abs(date.timestamp() - time.time()), 60)
        self.assertEqual(answer.headers, {})

    def test_the_answer_to_head_is_that_to_get_without_its_body(self):
        for path in ["/hello", "/status?200", "/big?100000", "/count?"]:
            client = self.client()
            full = client.ask(get(path))
            head = client.send(get(path).replace(b"GET", b"HEAD")).answer(is_to_head=True)
            del full.headers["Date"], head.headers["Date"]
            if path != "/count?":
                self.assertEqual(head.headers, full.headers)
            self.assertEqual(client.ask(HELLO).body, b"hello")

    def test_statuses_without_content_have_neither_body_nor_length(self):
        client = self.client()
        for status in [204, 304]:
            answer = client.ask(get(f"/status?{status}"))
            self.assertEqual(answer.status, status)
            self.assertNotIn("Content-Length", answer.headers)
        self.assertEqual(client.ask(HELLO).body, b"hello")

    def test_a_body_is_echoed_at_every_size(self):
        client = self.client()
        for n in [0, 1, 4095, 4096, 4097, 16384, 65536, 1 << 20, 1]:
            body = bytes(i % 251 for i in range(n))
            self.assertEqual(client.ask(post("/echo", body)).body, body)

    def test_a_large_answer_arrives_whole(self):
        client = self.client()
        self.assertEqual(len(client.ask(get("/big?5000000")).body), 5_000_000)
        self.assertEqual(client.ask(HELLO).body, b"hello")

    def test_an_answer_that_is_too_large_for_the_engine_closes(self):
        client = self.client().send(get("/big?80000000"))
        self.assertTrue(client.is_at_end())

    def test_an_exchange_has_so_much_memory_and_no_more(self):
        client = self.client()
        self.assertEqual(client.ask(get("/arena?1000000")).text, "fits")
        self.assertEqual(client.ask(get("/arena?1100000")).text, "exhausted")
        self.assertEqual(client.ask(get("/arena?1000000")).text, "fits")

    def test_the_handler_learns_who_calls_and_where(self):
        self.server.stop()
        server = self.server = Server("127.0.0.1:0", "[::1]:0", "*:0")
        for port, host, tag in [
            (server.ports[0], "127.0.0.1", "127.0.0.1:0"),
            (server.ports[1], "::1", "[::1]:0"),
            (server.ports[2], "127.0.0.1", "*:0"),
            (server.ports[2], "::1", "*:0"),
        ]:
            client = Client(port, host)
            self.clients.append(client)
            self.assertTrue(
                client.ask(get("/describe")).text.endswith(f"from {host} by {tag}"), tag
            )


class Connections(EngineTest):
    def test_connection_close_is_honoured(self):
        for request in [
            get("/hello", "Connection: close"),
            get("/hello", "Connection: keep-alive, Close"),
            get("/close"),
            b"GET /hello HTTP/1.0\r\n\r\n",
            b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        ]:
            client = self.client()
            answer = client.ask(request + HELLO)
            self.assertEqual(answer.status, 200)
            self.assertTrue(answer.closes)
            self.assertTrue(client.is_at_end())

    def test_a_connection_stays_otherwise(self):
        client = self.client()
        for request in [HELLO, get("/hello", "Connection: keep-alive")] * 2:
            answer = client.ask(request)
            self.assertFalse(answer.closes)
        self.assertEqual(self.count()["connections"], 2)

    def test_requests_in_one_segment_are_answered_in_their_order(self):
        requests = [post("/echo", f"request {i}".encode()) for i in range(200)]
        client = self.client().send(b"".join(requests))
        for i in range(200):
            self.assertEqual(client.answer().text, f"request {i}")

    def test_an_empty_line_may_come_before_a_request(self):
        client = self.client()
        self.assertEqual(client.ask(b"\r\n" + HELLO).body, b"hello")
        client.send(b"\r")
        client.send(b"\n")
        self.assertEqual(client.ask(HELLO).body, b"hello")

    def test_the_answer_is_the_same_however_the_request_is_cut(self):
        request = post("/describe", b"a body", "X: y")
        whole = self.client().ask(request).text
        client = self.client()
        for at in range(1, len(request)):
            client.send(request[:at])
            self.assertEqual(client.ask(request[at:]).text, whole)
        for byte in request:
            client.send(bytes([byte]))
        self.assertEqual(client.answer().text, whole)

    def test_the_body_is_asked_for_when_it_will_be_read(self):
        client = self.client()
        request = post("/echo", b"abc", "Expect: 100-continue")
        self.assertEqual(client.ask(request[:-3]).status, 100)
        self.assertEqual(client.ask(b"abc").body, b"abc")
        # Who does not wait is not told to go on.
        self.assertEqual(client.ask(request).body, b"abc")

    def test_a_body_that_will_not_be_read_is_not_asked_for(self):
        client = self.client()
        request = post("/small", b"123456789", "Expect: 100-continue")
        self.assertEqual(client.ask(request[:-9]).status, 413)
        self.assertTrue(client.is_at_end())

    def test_a_request_that_is_complete_is_answered_after_a_half_close(self):
        for path in ["/hello", "/slow"]:
            client = self.client().send(get(path) * 3).end()
            for _ in range(3):
                self.assertEqual(client.answer().status, 200)
            self.assertTrue(client.is_at_end())

    def test_a_request_that_is_not_complete_ends_with_a_half_close(self):
        for request in [b"", b"\r\n", HELLO[:-1], post("/echo", b"x" * 100)[:-50]]:
            client = self.client().send(request).end()
            self.assertTrue(client.is_at_end())
        self.assertEqual(self.count()["requests"], 1)


class Later(EngineTest):
    """The handler answers when it can."""

    def test_an_answer_may_come_from_another_thread(self):
        client = self.client()
        for _ in range(100):
            self.assertEqual(client.ask(get("/slow")).text, "slow")

    def test_an_answer_may_come_at_once_by_way_of_resume(self):
        client = self.client().send(get("/at-once") * 1000)
        for _ in range(1000):
            self.assertEqual(client.answer().text, "at once")

    def test_later_answers_keep_the_order_of_their_requests(self):
        paths = ["/slow", "/hello", "/at-once", "/slow", "/slow", "/hello"] * 20
        client = self.client().send(b"".join(get(path) for path in paths))
        for path in paths:
            self.assertEqual(client.answer().text, path[1:].replace("-", " "))

    def test_any_mix_of_requests_is_answered_in_order_however_it_is_cut(self):
        for seed in range(20):
            chance = random.Random(seed)
            requests, bodies = [], []
            for _ in range(chance.randrange(1, 60)):
                request, body = self.any_request(chance)
                requests.append(request)
                bodies.append(body)
            client = self.client()
            sender = threading.Thread(
                target=self.send_cut, args=(client, b"".join(requests), chance)
            )
            sender.start()
            for body in bodies:
                self.assertEqual(client.answer().body, body, f"seed {seed}")
            sender.join()
            client.close()

    def any_request(self, chance):
        n = chance.choice([0, 10, 1000, 100_000])
        body = chance.randbytes(chance.randrange(n + 1))
        return chance.choice(
            [
                (HELLO, b"hello"),
                (get("/slow"), b"slow"),
                (get("/at-once"), b"at once"),
                (get(f"/big?{n}"), bytes(n)),
                (post("/echo", body), body),
                (post("/slow", body[:60000]), b"slow"),
            ]
        )

    def send_cut(self, client, data, chance):
        while data:
            n = chance.choice([1, 20, 100, 5000, 100_000])
            client.send(data[:n])
            data = data[n:]

    def test_what_follows_waits_until_the_request_before_it_is_answered(self):
        client = self.client().send(get("/never") + get("/close"))
        other = self.client()
        self.wait_until(lambda: self.count()["held"] == 1)
        client.send(HELLO)
        self.assertEqual(other.ask(get("/release")).status, 200)
        self.assertEqual(client.answer().text, "released")
        self.assertTrue(client.answer().closes)
        self.assertTrue(client.is_at_end())

    def test_one_request_may_answer_many_others(self):
        clients = [self.client().send(get("/never") + HELLO) for _ in range(100)]
        self.wait_until(lambda: self.count()["held"] == 100)
        self.assertEqual(self.client().ask(get("/release")).status, 200)
        for client in clients:
            self.assertEqual(client.answer().text, "released")
            self.assertEqual(client.answer().text, "hello")

    def test_a_client_may_leave_while_its_request_is_handled(self):
        for i in range(20):
            client = self.client().send(get("/never") + HELLO)
            if i % 2 == 0:
                reset = struct.pack("ii", 1, 0)
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            self.wait_until(lambda: self.count()["held"] == i + 1)
            client.close()
        self.assertEqual(self.client().ask(get("/release")).status, 200)
        self.wait_until(lambda: self.count()["open"] <= 2)

    def test_a_client_may_leave_at_any_time(self):
        request = post("/slow", b"a body", "X: y") + HELLO
        reset = struct.pack("ii", 1, 0)
        for at in range(len(request) + 1):
            client = self.client().send(request[:at])
            if at % 2 == 0:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            client.close()
        self.wait_until(lambda: self.count()["open"] == 1)


class Shortage(EngineTest):
    """One loop, whose allocations can be made to fail."""

    options = ("-l", "1")

    def check_outcome(self, client, bodies):
        """The right answers, or a 503 of the handler's own in the place of one, up to the end or to
        a 503 of the engine, which closes."""
        for body in bodies:
            try:
                answer = client.answer()
            except ConnectionError:
                return
            if answer is None:
                return
            if answer.status == 503 and answer.closes:
                self.assertTrue(client.is_at_end())
                return
            self.assertEqual(answer.body, b"no memory" if answer.status == 503 else body)

    def test_an_allocation_that_fails_ends_one_connection_at_most(self):
        body = bytes(100_000)
        requests = get("/big?3000000") + post("/echo", body) + get("/slow") + HELLO
        answers = [bytes(3_000_000), body, b"slow", b"hello"]
        n, fired = 0, "fired"
        while fired == "fired":
            n += 1
            self.ask_until_answered("/hello")
            self.ask_until_answered(f"/fault?{n}")
            client = self.client()
            try:
                client.send(requests[:10])
                client.send(requests[10:])
            except ConnectionError:
                pass
            self.check_outcome(client, answers)
            client.close()
            self.wait_until(lambda: "open 1\n" in self.ask_until_answered("/count"))
            fired = self.ask_until_answered("/fault?0")
        self.assertGreater(n, 10)

    def ask_until_answered(self, path):
        """It may be this request whose allocation fails."""
        while True:
            client = self.client()
            try:
                answer = client.ask(get(path))
            except ConnectionError:
                answer = None
            client.close()
            if answer is not None and answer.status == 200:
                return answer.text


if __name__ == "__main__":
    unittest.main()
