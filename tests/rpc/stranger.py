#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A client by someone who has read proto/PROTOCOL.md and nothing else: plain sockets and protobuf.

Calls a running server and checks what it answers. Ends with status 0 when all is as the page says.

    stranger.py --url tcp://127.0.0.1:8070 --key-file FILE --realm REALM [--messages DIR]

DIR holds the Python code of proto/latchkey/v1 (protoc --python_out); by default protoc is run.
"""

import argparse
import os
import socket
import struct
import subprocess
import sys
import tempfile

FAST, READ, WRITE = 1, 3, 4
CHECK, GET_DESCRIPTORS, AUTHENTICATE, CREATE_KEY, GET_KEY, REVOKE_KEY = 1, 2, 100, 200, 201, 205
OK, INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED = (
    0, 3, 5, 7, 12, 16)
WHOLE_FRAME = 0xFFFFFFFF
NO_SUCH_METHOD = 9999


class Connection:
    """Section 1: greetings, lengths and request ids."""

    def __init__(self, url):
        scheme, _, where = url.partition("://")
        self.is_ipc = scheme == "ipc"
        if self.is_ipc:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(10)
            self.socket.connect(where)
        else:
            host, _, port = where.rpartition(":")
            self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.request_id = 0x80000000
        self.socket.sendall(bytes.fromhex("0053500000300000"))
        greeting = self.read(8)
        if greeting != bytes.fromhex("0053500000310000"):
            raise RuntimeError("the greeting is %s" % greeting.hex())

    def read(self, n):
        data = b""
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                raise RuntimeError("the server closed the connection")
            data += piece
        return data

    def send(self, frame):
        self.request_id = 0x80000000 | (self.request_id + 1) & 0x7FFFFFFF
        payload = struct.pack(">I", self.request_id) + frame
        prefix = b"\x01" if self.is_ipc else b""
        self.socket.sendall(prefix + struct.pack(">Q", len(payload)) + payload)
        return self.request_id

    def receive(self):
        if self.is_ipc and self.read(1) != b"\x01":
            raise RuntimeError("a message of another type")
        (n,) = struct.unpack(">Q", self.read(8))
        payload = self.read(n)
        return struct.unpack(">I", payload[:4])[0], payload[4:]

    def exchange(self, frame):
        sent = self.send(frame)
        received, reply = self.receive()
        if received != sent:
            raise RuntimeError("the reply has request id %08x, not %08x" % (received, sent))
        return reply


class Call:
    def __init__(self, method, body=b"", call_id=0, metadata=b"", remaining=5000):
        self.method, self.body, self.call_id = method, body, call_id
        self.metadata, self.remaining = metadata, remaining

    def pack(self):
        return struct.pack(">HIIHHI", self.method, self.call_id, self.remaining,
            len(self.metadata), 0, len(self.body)) + self.metadata + self.body


class Reply:
    def __init__(self, code, reason, details, body):
        self.code, self.reason, self.details, self.body = code, reason, details, body


def pack_frame(lane, calls, credential, version=1):
    head = struct.pack(">BBHH", version, lane, len(calls), len(credential))
    return head + credential + b"".join(call.pack() for call in calls)


def unpack_frame(frame):
    version, zero, count = struct.unpack_from(">BBH", frame)
    if (version, zero) != (1, 0):
        raise RuntimeError("the reply frame begins with %s" % frame[:2].hex())
    at, replies = 4, {}
    for _ in range(count):
        call_id, code, w, d, b = struct.unpack_from(">IBHHI", frame, at)
        at += 13
        reason, details, body = (frame[at:at + w], frame[at + w:at + w + d],
            frame[at + w + d:at + w + d + b])
        at += w + d + b
        replies[call_id] = Reply(code, reason.decode("utf-8"), details, body)
    if at != len(frame):
        raise RuntimeError("bytes follow the last reply")
    return replies


class Stranger:
    def __init__(self, options, messages):
        self.key = b""
        if options.key_file:
            with open(options.key_file, "rb") as file:
                self.key = file.read().strip()
        self.url, self.realm = options.url, options.realm
        self.auth, self.common, self.keys, self.health, self.reflection = messages
        self.connection = Connection(self.url)
        self.n_failed = 0

    def check(self, what, is_true, seen=""):
        print("%-4s %s%s" % ("ok" if is_true else "FAIL", what,
            "" if is_true else " (%s)" % (seen,)))
        self.n_failed += not is_true

    def send(self, lane, calls, credential=None):
        credential = self.key if credential is None else credential
        return unpack_frame(self.connection.exchange(pack_frame(lane, calls, credential)))

    def call(self, lane, method, request, response=None, credential=None, metadata=b""):
        call = Call(method, request.SerializeToString(), 7, metadata)
        replies = self.send(lane, [call], credential)
        reply = replies.get(7, replies.get(WHOLE_FRAME))
        message = response() if response else None
        if message is not None and reply.code == OK:
            message.ParseFromString(reply.body)
        return reply, message

    def authenticate_request(self, secret):
        request = self.auth.AuthenticateRequest(realm=self.realm)
        request.credentials.add(kind=self.common.CREDENTIAL_KIND_API_KEY, value=secret)
        return request

    def authenticate(self, secret):
        return self.call(FAST, AUTHENTICATE, self.authenticate_request(secret),
            self.auth.AuthenticateResponse)

    def run(self):
        self.try_health()
        key, secret = self.try_key()
        if key:
            self.try_batch(key, secret)
            self.try_revocation(key, secret)
        self.try_refusals()
        self.try_malformed()
        return self.n_failed

    def try_health(self):
        reply, health = self.call(FAST, CHECK, self.health.HealthCheckRequest(),
            self.health.HealthCheckResponse, b"")
        self.check("health needs no credential", reply.code == OK, reply.reason)
        self.check("the server serves", health.status == self.health.SERVING_STATUS_SERVING,
            health.status)
        reply, _ = self.call(FAST, CHECK, self.health.HealthCheckRequest(service="no.Such"))
        self.check("health of an unknown service is NOT_FOUND", reply.code == NOT_FOUND,
            reply.code)
        reply, answer = self.call(READ, GET_DESCRIPTORS, self.reflection.GetDescriptorsRequest(),
            self.reflection.GetDescriptorsResponse)
        self.check("reflection describes KeyService", b"KeyService" in answer.file_descriptor_set,
            reply.reason)

    def try_key(self):
        request = self.keys.CreateKeyRequest(realm=self.realm, name="stranger")
        metadata = self.common.CallMetadata(idempotency_key=os.urandom(16)).SerializeToString()
        reply, created = self.call(WRITE, CREATE_KEY, request, self.keys.CreateKeyResponse,
            metadata=metadata)
        self.check("CreateKey answers OK", reply.code == OK, (reply.code, reply.reason))
        if reply.code != OK:
            return None, None
        self.check("a new key has an id and a secret", created.key.id and created.secret)
        reply, got = self.call(READ, GET_KEY,
            self.keys.GetKeyRequest(realm=self.realm, id=created.key.id), self.keys.GetKeyResponse)
        self.check("GetKey finds it", got.key.name == "stranger", (reply.code, reply.reason))
        self.check("its secret is not shown again", created.secret.encode() not in reply.body)
        reply, verdict = self.authenticate(created.secret)
        self.check("Authenticate allows it", verdict.allowed, (reply.code, reply.reason))
        self.check("the principal is the key", verdict.principal.key_id == created.key.id,
            verdict.principal.key_id)
        return created.key, created.secret

    def try_batch(self, key, secret):
        wrong = secret[:-1] + ("0" if secret[-1] != "0" else "1")
        calls = [Call(AUTHENTICATE, self.authenticate_request(text).SerializeToString(), call_id)
            for call_id, text in ((11, secret), (5, wrong), (4000000000, ""))]
        replies = self.send(FAST, calls)
        self.check("three calls of one frame get three replies",
            sorted(replies) == [5, 11, 4000000000], sorted(replies))
        verdicts = {}
        for call_id, reply in replies.items():
            verdicts[call_id] = self.auth.AuthenticateResponse.FromString(reply.body)
        self.check("each reply is that of its call",
            verdicts[11].allowed and not verdicts[5].allowed and not verdicts[4000000000].allowed)
        self.check("a wrong key is unknown",
            verdicts[5].reason == self.auth.DENY_REASON_UNKNOWN_CREDENTIAL, verdicts[5].reason)
        self.check("nothing is told about a key that was not proven",
            not verdicts[5].HasField("principal"))
        frames = [pack_frame(FAST, [call], self.key) for call in calls]
        sent = [self.connection.send(frame) for frame in frames]
        received = [self.connection.receive()[0] for _ in frames]
        self.check("three requests can be under way at once", sorted(received) == sorted(sent),
            received)

    def try_revocation(self, key, secret):
        request = self.keys.RevokeKeyRequest(realm=self.realm, id=key.id,
            reason=self.keys.REVOCATION_REASON_KEY_COMPROMISE)
        reply, answer = self.call(WRITE, REVOKE_KEY, request, self.keys.RevokeKeyResponse)
        self.check("RevokeKey answers OK", reply.code == OK, (reply.code, reply.reason))
        self.check("the key is revoked", answer.key.state == self.keys.KEY_STATE_REVOKED,
            answer.key.state)
        reply, verdict = self.authenticate(secret)
        self.check("Authenticate answers OK for a revoked key", reply.code == OK, reply.reason)
        self.check("and denies it", not verdict.allowed and
            verdict.reason == self.auth.DENY_REASON_REVOKED, verdict.reason)
        reply, _ = self.call(WRITE, REVOKE_KEY, request)
        self.check("revoking it again is OK", reply.code == OK, (reply.code, reply.reason))

    def try_refusals(self):
        reply, _ = self.call(WRITE, CREATE_KEY,
            self.keys.CreateKeyRequest(realm=self.realm, name="x", networks=["nonsense"]))
        details = self.common.ErrorDetails.FromString(reply.details)
        self.check("a bad field is INVALID_ARGUMENT", reply.code == INVALID_ARGUMENT, reply.code)
        self.check("the details name the field", len(details.field_violations) > 0 and
            details.field_violations[0].field.startswith("networks"), details)
        self.check("an error has a reason and no body", reply.reason and not reply.body)
        reply, _ = self.call(READ, GET_KEY,
            self.keys.GetKeyRequest(realm=self.realm, id="key_0000000000000000000000"))
        self.check("an unknown key id is NOT_FOUND", reply.code == NOT_FOUND, reply.code)
        reply, _ = self.call(FAST, NO_SUCH_METHOD, self.health.HealthCheckRequest())
        self.check("an unknown method is UNIMPLEMENTED", reply.code == UNIMPLEMENTED, reply.code)
        if not self.key:
            return
        for what, credential in (("no", b""), ("a wrong", b"latchkey_" + b"0" * 49)):
            reply, _ = self.call(FAST, AUTHENTICATE, self.authenticate_request("x"),
                credential=credential)
            self.check("%s service key is UNAUTHENTICATED" % what, reply.code == UNAUTHENTICATED,
                (reply.code, reply.reason))
        request = self.keys.GetKeyRequest(realm="no-such-realm", id="key_0000000000000000000000")
        reply, _ = self.call(READ, GET_KEY, request)
        self.check("a realm that is not ours is PERMISSION_DENIED",
            reply.code == PERMISSION_DENIED, (reply.code, reply.reason))

    def try_malformed(self):
        good = pack_frame(FAST, [Call(CHECK)], b"")
        frames = {
            "another version": pack_frame(FAST, [Call(CHECK)], b"", version=9),
            "no calls": pack_frame(FAST, [], b""),
            "an unknown lane": pack_frame(17, [Call(CHECK)], b""),
            "the wrong lane": pack_frame(WRITE, [Call(CHECK)], b""),
            "one id twice": pack_frame(FAST, [Call(CHECK), Call(CHECK)], b""),
            "an end within a call": good[:-3],
            "bytes after the last call": good + b"x",
            "no frame at all": b"",
        }
        for what, frame in frames.items():
            replies = unpack_frame(self.connection.exchange(frame))
            self.check("a frame with %s is refused as a whole" % what,
                list(replies) == [WHOLE_FRAME] and
                replies[WHOLE_FRAME].code == INVALID_ARGUMENT, list(replies))
            reply, _ = self.call(FAST, CHECK, self.health.HealthCheckRequest())
            self.check("and the connection goes on", reply.code == OK, reply.code)
        replies = self.send(FAST, [Call(CHECK, b"\x0a\xff")])
        self.check("a body that is no message is INVALID_ARGUMENT",
            list(replies) == [0] and replies[0].code == INVALID_ARGUMENT, list(replies))
        self.try_oversized()

    def try_oversized(self):
        connection = Connection(self.url)
        prefix = b"\x01" if connection.is_ipc else b""
        connection.socket.sendall(prefix + struct.pack(">Q", 1 << 40))
        try:
            is_closed = connection.socket.recv(1) == b""
        except ConnectionError:
            is_closed = True
        except socket.timeout:
            is_closed = False
        self.check("a message of a terabyte closes the connection", is_closed)
        reply, _ = self.call(FAST, CHECK, self.health.HealthCheckRequest())
        self.check("and no other", reply.code == OK, reply.code)


def import_messages(directory):
    sys.path.insert(0, directory)
    from latchkey.v1 import auth_pb2, common_pb2, health_pb2, key_pb2, reflection_pb2
    return auth_pb2, common_pb2, key_pb2, health_pb2, reflection_pb2


def generate_messages(directory):
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "proto")
    schema = os.path.join(root, "latchkey", "v1")
    files = [os.path.join(schema, name) for name in os.listdir(schema) if name.endswith(".proto")]
    subprocess.run(["protoc", "-I", root, "--python_out", directory] + sorted(files), check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default=os.environ.get("LATCHKEY_URL", "tcp://127.0.0.1:8070"))
    parser.add_argument("--key-file", default=os.environ.get("LATCHKEY_KEY_FILE"),
        help="file with the service key; left out on the operator's socket")
    parser.add_argument("--realm", default=os.environ.get("LATCHKEY_REALM", "latchkey"))
    parser.add_argument("--messages", help="directory of the generated Python code")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        if not options.messages:
            generate_messages(directory)
        messages = import_messages(options.messages or directory)
    n_failed = Stranger(options, messages).run()
    print("%d failed" % n_failed if n_failed else "all as the page says")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
