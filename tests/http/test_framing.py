# SPDX-License-Identifier: MIT
"""What is not exactly a request ends its connection: one answer at most, and nothing of what
follows is ever taken for a request."""

import unittest

from engine import HELLO, EngineTest, get, post


def with_line(line):
    """A POST that has this header line of raw bytes, and no other beside Host."""
    return b"POST /echo HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n"


class Framing(EngineTest):
    options = ("-l", "1")

    def check_refused(self, request, *statuses, may_be_silent=False):
        """One answer with one of the statuses, then the end, with a good request behind it."""
        client = self.client()
        try:
            client.send(request + HELLO)
        except ConnectionError:
            pass
        answer = client.answer()
        if answer is None and may_be_silent:
            return
        self.assertIsNotNone(answer, request[:200])
        self.assertIn(answer.status, statuses, request[:200])
        self.assertTrue(answer.closes)
        self.assertTrue(client.is_at_end())
        client.close()

    def test_a_request_without_one_good_host_is_refused(self):
        for lines in [
            b"",
            b"Host: a\r\nHost: a\r\n",
            b"Host: a\r\nHost: b\r\n",
            b"Host: a b\r\n",
            b"Host: a/../b\r\n",
            b"Host:\r\n",
            b"Host: a\x00.b\r\n",
        ]:
            self.check_refused(b"GET /hello HTTP/1.1\r\n" + lines + b"\r\n", 400)

    def test_escapes_in_the_path_do_no_harm(self):
        for path in ["/%41", "/" + "%41" * 2000]:
            self.assertEqual(self.client().ask(get(path)).status, 404)
        for path in ["/%4", "/%zz", "/%00"]:
            self.check_refused(get(path), 400)

    def test_no_handler_is_reached_under_another_name(self):
        client = self.client()
        for path in [
            "/a/../hello",
            "/./hello",
            "//hello",
            "/hello/",
            "/HELLO",
            "/hello;x",
            "/hello%2f1",
            "/%68ello",
        ]:
            self.assertEqual(client.ask(get(path)).status, 404, path)

    def test_a_target_that_is_too_long_is_refused(self):
        for n in [8193, 1 << 20]:
            self.check_refused(get("/" + "a" * (n - 1)), 414)

    def test_a_length_and_a_coding_together_are_refused(self):
        length, coding = b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"
        for lines in [length + coding, coding + length]:
            self.check_refused(with_line(lines[:-2]) + b"0\r\n\r\n", 400, 411)

    def test_transfer_codings_are_refused(self):
        for value in [
            b"chunked",
            b"Chunked",
            b"chunked\r\nTransfer-Encoding: chunked",
            b"chunked, chunked",
            b"chunked, gzip",
            b"gzip, chunked",
            b"identity",
            b"xchunked",
            b",chunked",
            b"\xa0chunked",
        ]:
            request = with_line(b"Transfer-Encoding: " + value)
            self.check_refused(request, 400, 411, 501)

    def test_chunks_are_never_read(self):
        for size in [b"0x5", b"+5", b" 5", b"5 ", b"-0", b"5;a", b"5\n", b"f" * 16 + b"1"]:
            request = with_line(b"Transfer-Encoding: chunked") + size + b"\r\nabcde\r\n0\r\n\r\n"
            self.check_refused(request, 411)

    def test_a_length_comes_once_and_is_a_number(self):
        for line in [
            b"Content-Length: 5\r\nContent-Length: 5",
            b"Content-Length: 5\r\nContent-Length: 6",
            b"Content-Length: 5, 5",
            b"Content-Length: 5, 6",
            b"Content-Length: +5",
            b"Content-Length: -1",
            b"Content-Length: 5 5",
            b"Content-Length: 0x5",
            b"Content-Length: 5a",
            b"Content-Length: 1_0",
            b"Content-Length: \xd9\xa5",
            b"Content-Length:",
            b"Content-Length: -18446744073709551611",
        ]:
            self.check_refused(with_line(line) + b"abcde", 400)
        for digits in [b"18446744073709551617", b"9" * 100]:
            self.check_refused(with_line(b"Content-Length: " + digits) + b"abcde", 400, 413)

    def test_white_space_belongs_to_no_name(self):
        for line in [
            b"Content-Length : 5",
            b"Content-Length\t: 5",
            b"Content-Length\x85: 5",
            b" Content-Length: 5",
        ]:
            self.check_refused(with_line(line) + b"abcde", 400)
        self.check_refused(b"POST /echo HTTP/1.1\r\n Content-Length: 5\r\nHost: a\r\n\r\n", 400)

    def test_folded_lines_are_refused(self):
        for line in [b"X: a\r\n b", b"X: a\r\n\tb", b"Transfer-Encoding:\r\n chunked"]:
            self.check_refused(with_line(line), 400)

    def test_nothing_but_crlf_ends_a_line(self):
        for request in [HELLO.replace(b"\r\n", b"\n"), HELLO.replace(b"\r\n", b"\r\r\n")]:
            self.check_refused(request, 400)
        self.check_refused(with_line(b"X: a\rb"), 400)
        self.check_refused(with_line(b"X: a\nY: b"), 400)

    def test_control_bytes_are_refused_wherever_they_stand(self):
        for byte in [*range(0, 9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F]:
            c = bytes([byte])
            self.check_refused(with_line(b"X: a" + c + b"b"), 400)
            self.check_refused(with_line(b"X" + c + b": a"), 400)

    def test_names_of_headers_are_tokens(self):
        for byte in [*b'"(),/;<=>?@[\\]{} ', *range(0x80, 0x100)]:
            self.check_refused(with_line(b"X" + bytes([byte]) + b"Y: a"), 400)

    def test_a_body_is_never_the_next_request(self):
        body = get("/close")
        for method in ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "POST"]:
            client = self.client()
            request = f"{method} /hello HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
            client.send(request.encode() + body + get("/describe"))
            first = client.answer(is_to_head=method == "HEAD")
            self.assertEqual(first.status, 405 if method == "TRACE" else 200)
            self.assertIn("GET /describe", client.answer().text)
            client.close()

    def test_only_http_1_0_and_1_1_are_spoken(self):
        for version in [
            "HTTP/0.9",
            "HTTP/1.2",
            "HTTP/1.10",
            "HTTP/2.0",
            "HTTP/1.1 ",
            "http/1.1",
            "HTTP/4294967297.1",
            "",
        ]:
            self.check_refused(f"GET /hello {version}\r\nHost: a\r\n\r\n".encode(), 400, 505)

    def test_malformed_methods_are_refused(self):
        for method in [b"G<ET", b"get", b"", b"G" * 65536]:
            self.check_refused(method + b" /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400, 405, 501)
        self.check_refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 405, 501, 505)

    def test_trace_and_connect_are_not_done(self):
        self.assertEqual(self.client().ask(get("/hello").replace(b"GET", b"TRACE")).status, 405)
        self.check_refused(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 400, 405, 501)

    def test_a_target_in_absolute_form_is_refused(self):
        self.check_refused(b"GET http://evil/hello HTTP/1.1\r\nHost: good\r\n\r\n", 400)

    def test_heads_have_a_maximum(self):
        for lines in [
            [f"X-{i}: a" for i in range(100)],
            ["X: " + "a" * 8190],
            [f"X-{i}: " + "a" * 4000 for i in range(5)],
        ]:
            self.check_refused(get("/hello", *lines), 431)

    def test_lines_that_come_one_by_one_have_the_same_maximum(self):
        client = self.client().send(b"GET /hello HTTP/1.1\r\nHost: a\r\n")
        for i in range(100):
            try:
                client.send(f"X-{i}: a\r\n".encode())
            except ConnectionError:
                break
        self.assertEqual(client.answer().status, 431)
        self.assertTrue(client.is_at_end())

    def test_a_body_over_the_limit_is_refused_before_it_is_read(self):
        self.assertEqual(self.client().ask(post("/small", b"12345678")).body, b"12345678")
        self.check_refused(post("/small", b"123456789"), 413)
        head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10737418240\r\n\r\n"
        client = self.client()
        self.assertEqual(client.ask(head + b"1").status, 413)
        self.assertTrue(client.is_at_end())

    def test_a_refusal_reaches_who_goes_on_sending(self):
        client = self.client().send(post("/small", b"x" * 1_000_000))
        self.assertEqual(client.answer().status, 413)

    def test_only_100_continue_can_be_expected(self):
        self.check_refused(post("/echo", b"abc", "Expect: x"), 417)

    def test_refusals_are_counted(self):
        self.check_refused(get("/%4"), 400)
        counted = self.count()
        self.assertEqual((counted["refused"], counted["class_4"]), (1, 1))


if __name__ == "__main__":
    unittest.main()
