# SPDX-License-Identifier: MIT
"""What arrives on a connection, well formed and not, and what our parser makes of it.

A case is a name, the bytes, and how we read them: how many requests are taken, and what ends the
connection where it is not their end: a status, `close`, or `more` for what is missing. The names
behind it are of those who take more than we do, in one of the versions that were tried: nginx 1.22,
node 18, 20 and 22. `refuses` names who takes less.
"""

NGINX, NODE = "nginx", "node"
BOTH = (NGINX, NODE)

END = b"\r\n"
HOST = b"Host: a\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


class Case:
    def __init__(self, name, data, ours, *laxer, refuses=()):
        self.name = name
        self.data = data
        self.ours = ours
        self.laxer = laxer
        self.refuses = refuses


def line(first, *rest):
    """A request line of our own, and what follows it."""
    return first + END + (b"".join(rest) or HOST) + END


def get(*lines):
    return GET + b"".join(text + END for text in lines) + END


def post(*lines, body=b""):
    return POST + b"".join(text + END for text in lines) + END + body


def length(value, body=b"hello"):
    """A body of this length, and a request behind it."""
    return post(b"Content-Length: " + value, body=body + NEXT)


def coding(*lines, body=b"0\r\n\r\n"):
    """A body that ends at once where it is chunked, and a request behind it."""
    return post(*lines, body=body + NEXT)


GOOD = [
    Case("get", get(), "1"),
    Case("get after an empty line", END + get(), "1"),
    Case("get, then an empty line", get() + END, "1 more"),
    Case("post, an empty line, get", post(b"Content-Length: 1", body=b"x\r\n") + NEXT, "2"),
    Case("three in a row", get() + post(b"Content-Length: 2", body=b"hi") + NEXT, "3"),
    Case("every method", b"".join(
        method + b" /" + method + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n\r\nx"
        for method in (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS")), "7"),
    # To nginx a tab is a part of the value, which is no host then.
    Case("names in any case, and tabs", line(b"GET / HTTP/1.1", b"hOSt:\ta\r\nX-EMPTY:\r\n"),
         "1", refuses=(NGINX,)),
    Case("white space around a value", get(b"X: \t a b\t \tc \t"), "1"),
    Case("a value of white space", get(b"X: \t "), "1"),
    Case("bytes beyond ASCII in a value", get(b"X-Api-Key: \x80\xe4\xff"), "1"),
    Case("credentials", get(b"Authorization: Bearer a.b-c", b"X-Api-Key: crm_1"), "1"),
    Case("length 0", post(b"Content-Length: 0") + NEXT, "2"),
    Case("length with zeros before it", length(b"0005"), "2"),
    Case("length of 100 zeros and a 5", length(b"0" * 100 + b"5"), "2"),
    Case("a body that looks like a request", length(b"%d" % len(SMUGGLED), SMUGGLED), "2"),
    Case("a body that looks like a chunk", length(b"5", b"0\r\n\r\n"), "2"),
    Case("a body of bare line ends", length(b"3", b"\r\n\n"), "2"),
    Case("http/1.0", line(b"GET / HTTP/1.0"), "1 close"),
    Case("http/1.0 without Host", b"GET / HTTP/1.0\r\n\r\n", "1 close"),
    Case("http/1.0 keep-alive", line(b"GET / HTTP/1.0", b"Connection: keep-alive\r\n"),
         "1 close"),
    Case("keep-alive", get(b"Connection: keep-alive") + NEXT, "2"),
    Case("close", get(b"Connection: close"), "1 close"),
    Case("close, and more", get(b"Connection: close") + NEXT, "1 close"),
    Case("close, and nonsense", get(b"Connection: close") + b"Invalid\r\n\r\n", "1 close"),
    Case("close among others", get(b"Connection: Upgrade ,\tCLOSE", b"Upgrade: x") + NEXT,
         "1 close"),
    # Node reads nothing behind it.
    Case("an upgrade nobody offers", get(b"Connection: Upgrade", b"Upgrade: h2c") + NEXT, "2",
         refuses=(NODE,)),
    Case("expect, with a body", post(b"Expect: 100-continue", b"Content-Length: 1", body=b"x"),
         "1"),
    Case("expect, without a body", get(b"Expect: 100-continue"), "1"),
    Case("100 headers", get(*[b"X: y"] * 99), "1"),
    Case("a target of 8192 bytes", line(b"GET /" + b"a" * 8191 + b" HTTP/1.1"), "1"),
    Case("a header line of 8192 bytes", get(b"X: " + b"a" * 8189), "1"),
]

CUT = [
    Case(f"cut after {text!r}", text.encode(), "0 more") for text in (
        "G", "GET ", "GET /hello", "GET /hello ", "GET /hello HTTP", "GET /hello HTTP/1.1",
        "GET /hello HTTP/1.1\r", "GET /hello HTTP/1.1\r\n", "GET /hello HTTP/1.1\r\nHos",
        "GET /hello HTTP/1.1\r\nHost:", "GET /hello HTTP/1.1\r\nHost: ",
        "GET /hello HTTP/1.1\r\nHost: a", "GET /hello HTTP/1.1\r\nHost: a\r",
        "GET /hello HTTP/1.1\r\nHost: a\r\n", "GET /hello HTTP/1.1\r\nHost: a\r\n\r")
] + [
    Case("cut in the body", post(b"Content-Length: 5", body=b"hell"), "1 more"),
    Case("cut in the second request", get() + NEXT[:-1], "1 more"),
]

METHODS = [
    Case("an unknown method", line(b"GETS / HTTP/1.1") + NEXT, "2"),
    Case("TRACE", line(b"TRACE / HTTP/1.1"), "1"),
    Case("TRACE with a body", line(b"TRACE / HTTP/1.1", HOST, b"Content-Length: 5\r\n")
         + b"hello" + NEXT, "2"),
    Case("a token of marks", line(b"!#$ / HTTP/1.1"), "1"),
    Case("CONNECT", line(b"CONNECT a:443 HTTP/1.1") + NEXT, "0 501"),
    Case("CONNECT to a path", line(b"CONNECT / HTTP/1.1") + NEXT, "0 501"),
    Case("lower case", line(b"get / HTTP/1.1"), "0 400"),
    Case("mixed case", line(b"Get / HTTP/1.1"), "0 400"),
    Case("no method", line(b" / HTTP/1.1"), "0 400"),
    Case("a delimiter in the method", line(b"G<ET / HTTP/1.1"), "0 400"),
    Case("many delimiters in the method", line(b'G=":<>(e),[T];?" / HTTP/1.1'), "0 400"),
    Case("a NUL for a method", line(b"\0 / HTTP/1.1"), "0 400"),
    Case("a byte beyond ASCII in the method", line(b"G\xc9T / HTTP/1.1"), "0 400"),
    Case("a method of 33 letters", line(b"A" * 33 + b" / HTTP/1.1"), "0 501", NGINX),
    Case("a method of 64 KiB", line(b"A" * 65536 + b" / HTTP/1.1"), "0 501"),
    Case("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "0 505"),
    Case("a TLS handshake", b"\x16\x03\x01\0\xa5\x01\0\0\xa1\x03\x03", "0 400"),
    Case("words before the method", line(b"Extra lineGET / HTTP/1.1"), "0 400"),
]

SPACES = [
    Case("two spaces before the target", line(b"GET  / HTTP/1.1"), "0 400", *BOTH),
    Case("two spaces before the version", line(b"GET /  HTTP/1.1"), "0 400", *BOTH),
    Case("a space after the version", line(b"GET / HTTP/1.1 "), "0 400", NGINX),
    Case("a tab before the target", line(b"GET\t/ HTTP/1.1"), "0 400"),
    Case("a tab before the version", line(b"GET /\tHTTP/1.1"), "0 400", NODE),
    Case("a space in the target", line(b"GET /a b HTTP/1.1"), "0 400"),
    Case("a space before the method", line(b" GET / HTTP/1.1"), "0 400"),
    Case("a line end before the version", line(b"GET /\r\nHTTP/1.1"), "0 400", NGINX),
    Case("a form feed before the version", line(b"GET /\x0cHTTP/1.1"), "0 400", NODE),
    Case("two empty lines first", END + END + get(), "0 400", *BOTH),
    Case("a bare LF first", b"\n" + get(), "0 400", *BOTH),
    Case("a bare CR first", b"\r" + get(), "0 400", *BOTH),
    Case("a line of a space first", b" \r\n" + get(), "0 400"),
]

VERSIONS = [
    Case("no version", b"GET /\r\n\r\n", "0 400", *BOTH),
    Case("no version, but a space", b"GET / \r\n\r\n", "0 400", NGINX),
    Case("no version, but headers", line(b"GET /"), "0 400", *BOTH),
    Case("http/0.9", line(b"GET / HTTP/0.9"), "0 505", NODE),
    Case("http/1.2", line(b"GET / HTTP/1.2"), "0 505", NGINX),
    Case("http/2.0", line(b"GET / HTTP/2.0"), "0 505", NODE),
    Case("http/9.9", line(b"GET / HTTP/9.9"), "0 505"),
    Case("http/1.10", line(b"GET / HTTP/1.10"), "0 400", NGINX),
    Case("http/1.32", line(b"GET / HTTP/1.32"), "0 400", NGINX),
    Case("http/01.1", line(b"GET / HTTP/01.1"), "0 400"),
    Case("http/1", line(b"GET / HTTP/1"), "0 400"),
    Case("http/1.", line(b"GET / HTTP/1."), "0 400"),
    Case("a version of 33 bits", line(b"GET / HTTP/4294967297.1"), "0 400"),
    Case("a version of 8 bits and more", line(b"GET / HTTP/1.257"), "0 400", NGINX),
    Case("lower case version", line(b"GET / http/1.1"), "0 400"),
    Case("another protocol", line(b"GET / ICY/1.1"), "0 400"),
    Case("HTTPS/1.1", line(b"GET / HTTPS/1.1"), "0 400"),
    Case("a comma in the version", line(b"GET / HTTP/1,1"), "0 400"),
    Case("CRs in the version", line(b"GET / HTTP/\r\r1.1"), "0 400"),
]

TARGETS = [
    Case("escapes", line(b"GET /%41%7e?%2f=%ff HTTP/1.1"), "1"),
    Case("two slashes", line(b"GET //a//b/ HTTP/1.1"), "1"),
    Case("dots within the root", line(b"GET /a/../b/./c HTTP/1.1"), "1"),
    # Where targets are compared as a whole, there is nothing to climb out of.
    Case("dots above the root", line(b"GET /../a HTTP/1.1"), "1", refuses=(NGINX,)),
    Case("odd but visible bytes", line(b"GET /a[0]|{}\\^`<>\"'?[]={}?? HTTP/1.1"), "1"),
    Case("%41 2000 times", line(b"GET /" + b"%41" * 2000 + b" HTTP/1.1"), "1"),
    Case("absolute form", line(b"GET http://evil/keys HTTP/1.1"), "0 400", *BOTH),
    Case("absolute form without a path", line(b"GET http://a HTTP/1.1"), "0 400", *BOTH),
    Case("authority form", line(b"GET a:80 HTTP/1.1"), "0 400"),
    Case("asterisk", line(b"OPTIONS * HTTP/1.1"), "0 400", NODE),
    Case("a relative target", line(b"GET a HTTP/1.1"), "0 400"),
    Case("an exclamation mark", line(b"GET ! HTTP/1.1"), "0 400"),
    Case("a query alone", line(b"GET ?a HTTP/1.1"), "0 400"),
    Case("a backslash first", line(b"GET \\a HTTP/1.1"), "0 400"),
    Case("a fragment", line(b"GET /a#b HTTP/1.1"), "0 400", *BOTH),
    Case("an escape cut short", line(b"GET /%4 HTTP/1.1"), "0 400", NODE),
    Case("an escape of letters", line(b"GET /%zz HTTP/1.1"), "0 400", NODE),
    Case("an escape cut short in the query", line(b"GET /?%4 HTTP/1.1"), "0 400", *BOTH),
    Case("an escaped NUL", line(b"GET /%00 HTTP/1.1"), "0 400", NODE),
    Case("an escaped NUL in the query", line(b"GET /?%00 HTTP/1.1"), "0 400", *BOTH),
    Case("a NUL in the target", line(b"GET /a\0b HTTP/1.1"), "0 400"),
    Case("a DEL in the target", line(b"GET /a\x7fb HTTP/1.1"), "0 400"),
    Case("bytes beyond ASCII in the target", line(b"GET /\xc3\xa4 HTTP/1.1"), "0 400", *BOTH),
    Case("a target of 8193 bytes", line(b"GET /" + b"a" * 8192 + b" HTTP/1.1"), "0 414", *BOTH),
    Case("a target of 1 MiB", b"GET /" + b"a" * 1000000, "0 414"),
]

NAMES = [
    Case("a space before the colon", post(b"Content-Length : 5", body=b"hello"), "0 400"),
    Case("a tab before the colon", post(b"Content-Length\t: 5", body=b"hello"), "0 400"),
    Case("0x85 before the colon", post(b"Content-Length\x85: 5", body=b"hello"), "0 400", NGINX),
    Case("0xa0 before the colon", post(b"Content-Length\xa0: 5", body=b"hello"), "0 400", NGINX),
    Case("no colon", post(b"Content-Length 5", body=b"hello"), "0 400"),
    Case("a name alone", get(b"X"), "0 400", NGINX),
    Case("an empty name", get(b": x"), "0 400", NODE),
    Case("a colon alone", get(b":", b"I: am cut off"), "0 400", NODE),
    Case("a space before the first name", line(b"GET / HTTP/1.1", b" " + HOST), "0 400", NODE),
    Case("a tab before the first name",
         line(b"POST / HTTP/1.1", b"\tContent-Length: 1\r\n", HOST) + b"x", "0 400"),
    Case("brackets in a name", get(b"X-Invalid[]: test"), "0 400", NGINX),
    Case("a byte beyond ASCII in a name", get(b"\xeffoo: bar"), "0 400", NGINX),
    Case("every delimiter in a name", get(b'X"(),/;<=>?@[]{}: x'), "0 400", NGINX),
    Case("a NUL in a name", get(b"X\0Y: z"), "0 400"),
    Case("a control byte in a name", get(b"X\x01Y: z"), "0 400"),
    Case("a name continued on the next line", coding(b"Transfer-", b"Encoding: chunked"),
         "0 400", NGINX),
    Case("a name with an underscore", length(b"5").replace(b"t-L", b"t_L") , "1 400"),
]

VALUES = [
    Case("folded with a space", get(b"X: a", b" b"), "0 400", NODE),
    Case("folded with a tab", get(b"X: a", b"\tb"), "0 400", NODE),
    Case("folded into nothing", get(b"X: a", b" "), "0 400", NODE),
    Case("a folded coding", coding(b"Transfer-Encoding:", b" chunked"), "0 400"),
    Case("a folded list of codings", coding(b"Transfer-Encoding: chunked", b" , identity"),
         "0 400", NODE),
    Case("a NUL in a value", get(b"X: a\0b"), "0 400"),
    Case("a NUL in a credential", get(b"Authorization: Bearer a\0b"), "0 400"),
    Case("a NUL at the end of a value", get(b"X: a\0"), "0 400"),
    Case("NUL and CR in a value", get(b"X: v\0\ralue"), "0 400"),
    Case("a BEL in a value", get(b"X: test\x07"), "0 400", NGINX),
    Case("an ESC in a value", get(b"X: \x1b[0m"), "0 400", NGINX),
    Case("a DEL in a value", get(b"X: a\x7f"), "0 400", NGINX),
    Case("a VT before a value", get(b"X:\x0ba"), "0 400", NGINX),
    Case("an FF after a value", get(b"X: a\x0c"), "0 400", NGINX),
]

ENDS = [
    Case("LF after the request line", b"GET / HTTP/1.1\n" + HOST + END, "0 400", *BOTH),
    Case("LF after a header", GET[:-2] + b"\n" + END, "0 400", NGINX),
    Case("LF for the last line end", GET + b"\n", "0 400", *BOTH),
    Case("LF everywhere", b"GET / HTTP/1.1\nHost: a\n\n", "0 400", NGINX),
    Case("CR after the request line", b"GET / HTTP/1.1\r" + HOST + END, "0 400"),
    Case("CR within a value", get(b"X: a\rb"), "0 400"),
    Case("CR before another header", get(b"Visible: :/\rSmuggled: :)"), "0 400"),
    Case("two CRs in a value", get(b"X: a\r\rb"), "0 400"),
    Case("two CRs and LF", GET + b"X: a\r\r\n\r\n", "0 400", NGINX),
    Case("two CRs and LF for the last line end", GET + b"\r\r\n", "0 400", NODE),
    Case("CR and another byte for the last line end", GET + b"\rZ" + SMUGGLED, "0 400", NODE),
    Case("a header behind a CR", GET + b"\rSome-Header: Test\r\n\r\n", "0 400", NODE),
    Case("a request behind bare LFs", GET + b"Useless:\n\n" + SMUGGLED, "0 400", NGINX),
    Case("a header behind a bare LF", get(b"Te\nst: test"), "0 400", NGINX),
    Case("a line of NUL", get(b"a:b", b"c\0"), "0 400"),
]

HOSTS = [
    Case("a port", line(b"GET / HTTP/1.1", b"Host: a:80\r\n"), "1"),
    Case("ipv4", line(b"GET / HTTP/1.1", b"Host: 192.0.2.1:8080\r\n"), "1"),
    Case("ipv6", line(b"GET / HTTP/1.1", b"Host: [2001:db8::1]:8080\r\n"), "1"),
    Case("a dot at the end", line(b"GET / HTTP/1.1", b"Host: a.b.\r\n"), "1"),
    Case("no Host", b"GET / HTTP/1.1\r\n\r\n", "0 400", NODE),
    Case("no Host, but a length", b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "0 400",
         NODE),
    Case("two Hosts", line(b"GET / HTTP/1.1", HOST, b"Host: b\r\n"), "0 400", NODE),
    Case("the same Host twice", line(b"GET / HTTP/1.1", HOST, HOST), "0 400", NODE),
    Case("an empty Host", line(b"GET / HTTP/1.1", b"Host:\r\n"), "0 400", NODE),
    Case("a Host of two words", line(b"GET / HTTP/1.1", b"Host: a b\r\n"), "0 400", NODE),
    Case("a Host with a path", line(b"GET / HTTP/1.1", b"Host: a/../b\r\n"), "0 400", NODE),
    Case("a Host with dots in a row", line(b"GET / HTTP/1.1", b"Host: a..b\r\n"), "0 400", NODE),
    Case("a Host with a NUL", line(b"GET / HTTP/1.1", b"Host: a\0.b\r\n"), "0 400"),
    Case("a Host with a user", line(b"GET / HTTP/1.1", b"Host: a@b\r\n"), "0 400", *BOTH),
    Case("a list of Hosts", line(b"GET / HTTP/1.1", b"Host: a, b\r\n"), "0 400", NODE),
    Case("a Host beyond ASCII", line(b"GET / HTTP/1.1", b"Host: \xffa\xff\r\n"), "0 400", *BOTH),
    Case("a port that is none", line(b"GET / HTTP/1.1", b"Host: a:b\r\n"), "0 400", *BOTH),
    Case("a port too large", line(b"GET / HTTP/1.1", b"Host: a:65536\r\n"), "0 400", *BOTH),
    Case("two ports", line(b"GET / HTTP/1.1", b"Host: a:80:80\r\n"), "0 400", *BOTH),
    Case("ipv6 without brackets", line(b"GET / HTTP/1.1", b"Host: ::1\r\n"), "0 400", NODE),
    Case("ipv6 without its end", line(b"GET / HTTP/1.1", b"Host: [::1\r\n"), "0 400", *BOTH),
]

LENGTHS = [
    Case("twice the same", length(b"5\r\nContent-Length: 5"), "0 400"),
    Case("5 and 6", length(b"5\r\nContent-Length: 6"), "0 400"),
    Case("0 and 1", length(b"0\r\nContent-Length: 1"), "0 400"),
    Case("none and 5", length(b"\r\nContent-Length: 5"), "0 400"),
    Case("a list of equals", length(b"5, 5"), "0 400"),
    Case("a list", length(b"5, 6"), "0 400"),
    Case("a comma behind it", length(b"5,"), "0 400"),
    Case("an empty one", length(b"", b""), "0 400"),
    Case("a plus", length(b"+5"), "0 400"),
    Case("a minus", length(b"-5"), "0 400"),
    Case("a large minus", length(b"-123456789123456789123456789"), "0 400"),
    Case("minus, round the corner", length(b"-18446744073709551611"), "0 400"),
    Case("two words", length(b"5 5"), "0 400"),
    Case("hexadecimal", length(b"0x5"), "0 400"),
    Case("a letter behind it", length(b"5a"), "0 400"),
    Case("letters", length(b"abc"), "0 400"),
    Case("an underscore", length(b"1_0"), "0 400"),
    Case("plus and underscore", length(b"+1_0", b"0123456789"), "0 400"),
    Case("a fraction", length(b"5.0"), "0 400"),
    Case("an exponent", length(b"5e0"), "0 400"),
    Case("quotes", length(b'"5"'), "0 400"),
    Case("another alphabet's 5", length("٥".encode()), "0 400"),
    Case("0xa0 behind it", length(b"5\xa0"), "0 400"),
    Case("a VT behind it", length(b"5\x0b"), "0 400"),
    Case("64 bits and one", length(b"18446744073709551617"), "0 413"),
    Case("64 bits", length(b"18446744073709551615"), "0 413", NODE),
    Case("100 digits", length(b"9" * 100), "0 413"),
    Case("63 bits", length(b"9223372036854775807"), "1 more"),
]

CODINGS = [
    Case("chunked", coding(b"Transfer-Encoding: chunked"), "0 411", *BOTH),
    Case("chunked, with data", coding(b"Transfer-Encoding: chunked",
                                      body=b"5\r\nhello\r\n0\r\n\r\n"), "0 411", *BOTH),
    Case("Chunked", coding(b"Transfer-Encoding: Chunked"), "0 411", *BOTH),
    Case("GET, chunked", get(b"Transfer-Encoding: chunked") + b"0\r\n\r\n", "0 411", *BOTH),
    Case("a length, then chunked", length(b"5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
         "0 400"),
    Case("chunked, then a length", post(b"Transfer-Encoding: chunked", b"Content-Length: 5",
                                        body=b"0\r\n\r\n" + SMUGGLED), "0 400"),
    Case("GET, chunked, then a length", get(b"Transfer-Encoding: chunked", b"Content-Length: 5"),
         "0 400"),
    Case("another coding, then a length", post(b"Transfer-Encoding: x", b"Content-Length: 5",
                                               body=b"hello"), "0 400"),
    Case("a comma and chunked, then a length", post(
        b"Transfer-Encoding: ,chunked", b"Content-Length: 5", body=b"0\r\n\r\n"), "0 400"),
    Case("chunked twice", coding(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
         "0 400"),
    Case("chunked, chunked", coding(b"Transfer-Encoding: chunked, chunked"), "0 400"),
    Case("chunked, gzip", coding(b"Transfer-Encoding: chunked, gzip"), "0 400"),
    Case("gzip, chunked", coding(b"Transfer-Encoding: gzip, chunked"), "0 400", NODE),
    Case("identity", coding(b"Transfer-Encoding: identity"), "0 501", NODE),
    Case("xchunked", coding(b"Transfer-Encoding: xchunked"), "0 501", NODE),
    Case("an unheard of coding", coding(b"Transfer-Encoding: blegh"), "0 501", NODE),
    Case("a comma and chunked", coding(b"Transfer-Encoding: ,chunked"), "0 400", NODE),
    Case("chunked and a comma", coding(b"Transfer-Encoding: chunked,"), "0 400"),
    Case("chunked between 0xa0", coding(b"Transfer-Encoding: \xa0chunked\xa0"), "0 400", NODE),
    Case("chunked between 0xff", coding(b"Transfer-Encoding: \xffchunked\xff"), "0 400", NODE),
    Case("chunked behind a VT", coding(b"Transfer-Encoding: \x0bchunked"), "0 400"),
    Case("chunked behind a NUL", coding(b"Transfer-Encoding: \0chunked"), "0 400"),
    Case("chunked in quotes", coding(b'Transfer-Encoding: "chunked"'), "0 400", NODE),
    Case("chunked with a parameter", coding(b"Transfer-Encoding: chunked;a=b"), "0 400", NODE),
    Case("an empty coding", coding(b"Transfer-Encoding:"), "0 400", NODE),
    Case("chunked in http/1.0", line(b"POST / HTTP/1.0", CHUNKED) + b"0\r\n\r\n", "0 400", NODE),
] + [
    Case(f"chunk {text!r}", post(b"Transfer-Encoding: chunked", body=text.encode()), "0 411",
         *BOTH) for text in (
        "5 \r\nhello\r\n0\r\n\r\n", "5;a\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n",
        "0\r\nAuthorization: x\r\n\r\n", "0\r\nX:GET / HTTP/1.1\r\n\r\n")
] + [
    # Node hands over the head before it looks at the body.
    Case(f"broken chunk {text!r}", post(b"Transfer-Encoding: chunked", body=text.encode()),
         "0 411", NODE) for text in (
        "0x5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n",
        "-0\r\n\r\n", "0_5\r\nhello\r\n0\r\n\r\n", "\r\n\r\n", "5\r\r;hello\r\n0\r\n\r\n",
        "ffffffffffffffff1\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n", "Z\r\n")
]

ONCE = [
    Case("two Authorizations", get(b"Authorization: a", b"Authorization: b"), "0 400", NODE),
    Case("two Content-Types", get(b"Content-Type: a", b"content-type: b"), "0 400", *BOTH),
    Case("two Cookies", get(b"Cookie: a=b", b"Cookie: c=d"), "0 400", *BOTH),
    Case("another expectation", post(b"Expect: x"), "0 417", NGINX),
    Case("two expectations", post(b"Expect: 100-continue, x"), "0 417", *BOTH),
    Case("Connection with a parameter", get(b"Connection: close;a"), "0 400", *BOTH),
    Case("Connection of two words", get(b"Connection: keep alive"), "0 400", *BOTH),
]

LIMITS = [
    Case("101 headers", get(*[b"X: y"] * 100), "0 431", *BOTH),
    Case("a header line of 8193 bytes", get(b"X: " + b"a" * 8190), "0 431", *BOTH),
    Case("a head of 16 KiB and one", get(b"X: " + b"a" * 8000, b"X: " + b"a" * 8341), "0 431",
         *BOTH),
    Case("headers without end", GET + b"X: y\r\n" * 100000, "0 431"),
    Case("a header line without end", GET + b"X: " + b"a" * 200000, "0 431"),
]

METHOD_BODIES = [
    Case(f"{method} with a request for a body",
         line(method.encode() + b" / HTTP/1.1", HOST, b"Content-Length: %d\r\n" % len(SMUGGLED))
         + SMUGGLED + NEXT, "2") for method in ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE")
]

CASES = (GOOD + CUT + METHODS + SPACES + VERSIONS + TARGETS + NAMES + VALUES + ENDS + HOSTS
         + LENGTHS + CODINGS + ONCE + LIMITS + METHOD_BODIES)
