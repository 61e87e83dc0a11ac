# SPDX-License-Identifier: MIT
"""Who may include whom. The picture is in ARCHITECTURE.md; this table is what holds it up."""

import re

from source import Finding

REASONS = {
    "layer": "layers point one way, so that each can be read, tested and replaced alone",
    "third-party": "each library is behind the few files that know it",
    "include-path": "includes are written from the root: what a file needs can be searched for",
}

# The part of proto/wire that knows no protocol.
BASE = ["proto/wire/types.h", "proto/wire/status.h", "proto/wire/status.def",
        "proto/wire/buf.h", "proto/wire/arena.h", "proto/wire/utf8.h", "proto/wire/network.h"]
WIRE = ["proto/wire/"]
GEN = ["<generated>"]
STORE = ["server/store/"]
CORE = ["server/core/", "server/crypto/"]
# How a configuration is read; and the part of it that both sides read.
CONFIG = ["config/"]
BRIDGE_CONFIG = ["client/bridge/config"]

# Path (the longest that fits counts) -> what of ours it may include, which libraries.
LAYERS = {
    "proto/wire/": (WIRE, ["protobuf-c"]),
    "proto/wire/json": (WIRE + GEN, ["protobuf-c", "jansson"]),
    "gen/plugin/": (BASE + GEN + ["gen/plugin/", "proto/wire/message.h"], ["protobuf-c"]),
    "gen/latchkey/": (WIRE + GEN, ["protobuf-c"]),
    "config/": (BASE + CONFIG, ["yaml"]),
    "client/": (WIRE + GEN + ["client/"], ["protobuf-c"]),
    "client/channel": (WIRE + GEN + ["client/channel"], ["protobuf-c", "nng"]),
    "client/bridge/": (WIRE + GEN + ["client/bridge/"], ["protobuf-c"]),
    # The program alone knows how it reaches the server.
    "client/bridge/main.c": (WIRE + GEN + ["client/bridge/", "client/channel",
                                           "client/cli/secret.h"], []),
    # The engine knows no messages, and libevent no more than its loops.
    "client/bridge/http": (BASE + ["client/bridge/http"], ["event"]),
    # latchkeyd checks the whole file, this part by the same tables.
    "client/bridge/config": (BASE + CONFIG + BRIDGE_CONFIG + ["client/bridge/http_parse.h"], []),
    "server/crypto/": (BASE + ["server/crypto/"], []),
    "server/crypto/sodium.c": (BASE + ["server/crypto/"], ["sodium"]),
    "server/crypto/seal.c": (BASE + ["server/crypto/"], ["sodium"]),
    "server/crypto/sign.c": (BASE + ["server/crypto/"], ["sodium"]),
    "server/crypto/password.c": (BASE + ["server/crypto/"], ["sodium"]),
    "server/crypto/crypt.c": (BASE + ["server/crypto/"], ["crypt"]),
    "server/crypto/openssl.c": (BASE + ["server/crypto/"], ["openssl"]),
    "server/crypto/public_key.c": (BASE + ["server/crypto/"], ["openssl"]),
    "server/crypto/crc.c": (BASE + ["server/crypto/"], ["zlib"]),
    "server/store/": (BASE + STORE, []),
    "server/store/record": (BASE + STORE + GEN + ["proto/wire/message.h"], ["protobuf-c"]),
    "server/store/store_leveldb.c": (BASE + STORE, ["leveldb"]),
    "server/core/": (BASE + STORE + CORE, []),
    "server/rpc/": (WIRE + GEN + STORE + CORE + ["server/rpc/", "server/log.h"], ["protobuf-c"]),
    "server/net/": (WIRE + GEN + ["server/rpc/", "server/net/", "server/log.h", "server/clock.h"],
                    ["nng"]),
    # What belongs to the program and not to a layer: log, clock and the like.
    "server/": (BASE + ["server/log.h", "server/clock.h", "server/config"], []),
    "server/config": (BASE + CONFIG + BRIDGE_CONFIG + CORE + ["server/config", "server/log.h"],
                      []),
    "server/jwks": (BASE + ["server/rpc/key_sources.h", "server/jwks.h", "server/log.h",
                            "server/clock.h"], ["curl"]),
    "server/metrics": (WIRE + STORE + CORE + ["server/rpc/", "server/metrics"], []),
    # The one place that sees both sides.
    "server/main.c": (WIRE + GEN + ["server/", "client/channel", "client/bridge/"], []),
    "server/daemon.": (WIRE + GEN + ["server/", "client/channel", "client/bridge/"], []),
    "tests/": ([""] + GEN, ["protobuf-c", "nng", "sodium", "leveldb", "jansson", "yaml", "cmocka"]),
    "bench/": (["proto/", "client/", "server/", "bench/"] + GEN, ["protobuf-c", "nng"]),
}

LIBRARIES = {
    "protobuf-c": r"protobuf-c/", "nng": r"nng/", "sodium": r"sodium(\.h|/)",
    "leveldb": r"leveldb/", "jansson": r"jansson", "yaml": r"yaml\.h", "zlib": r"zlib\.h",
    "event": r"event2/", "crypt": r"crypt\.h", "curl": r"curl/", "openssl": r"openssl/",
    "cmocka": r"cmocka",
}

SYSTEM = re.compile(
    r"((arpa|linux|net|netinet|sys)/\w+|argp|assert|ctype|dirent|dlfcn|endian|err|errno|fcntl"
    r"|float|ftw|getopt|grp|inttypes|libgen|limits|locale|math|netdb|poll|pthread|pwd|sched"
    r"|search|semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib"
    r"|string|strings|syslog|termios|time|unistd|wchar)\.h")


def library_of(header):
    return next((name for name, form in LIBRARIES.items() if re.match(form, header)), None)


def is_generated(name):
    return name.endswith((".pb-c.h", ".rpc.h"))


def allowed_in(path):
    fits = [layer for layer in LAYERS if path.startswith(layer)]
    return LAYERS[max(fits, key=len)] if fits else None


def check_own(file, number, name, ours, known):
    if is_generated(name):
        if "<generated>" in ours:
            return None
        return Finding("layer", file.path, number, f"generated {name} may not be included here")
    if name not in known:
        return Finding("include-path", file.path, number, f'no file "{name}" below the root')
    if not any(name.startswith(prefix) for prefix in ours):
        return Finding("layer", file.path, number, f"{name} may not be included here")
    return None


def check_system(file, number, name, libraries):
    library = library_of(name)
    if library in libraries or (library is None and SYSTEM.fullmatch(name)):
        return None
    return Finding("third-party", file.path, number, f"<{name}> may not be included here")


def check(files):
    known = {file.path for file in files}
    for file in files:
        if not file.is_c:
            continue
        allowed = allowed_in(file.path)
        if allowed is None:
            yield Finding("layer", file.path, 1, "this directory is in no layer")
            continue
        for number, opening, name in file.includes():
            if opening == '"' or is_generated(name):
                found = check_own(file, number, name, allowed[0], known)
            else:
                found = check_system(file, number, name, allowed[1])
            if found:
                yield found
