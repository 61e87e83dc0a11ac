#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Feeds each lint rule something bad and something good: selftest.py ROOT.

A rule that finds nothing may be right or may be blind; this tells which.
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import banned
import layers
import shape
from source import read_tree

ROOT = Path(sys.argv[1])
TAG = "SPDX-License-Identifier: MIT"
LINES = "int x;\n"


def function(body, head="static void f(void)"):
    return f"{head}\n{{\n{body}}}\n"


# rule -> (path, bad text, good text for the same path)
CASES = {
    "unbounded-copy": ("server/core/a.c", "strcpy(a, b);", '/* strcpy( */ char *s = "strcpy(";'),
    "unchecked-number": ("client/a.c", "n = atoi(s);", "n = strtol(s, &end, 10);"),
    "hidden-state": ("server/a.c", "strtok(s, x);", "strtok_r(s, x, &p);"),
    "weak-random": ("tests/a.c", "n = rand();", "n = my_rand();"),
    "wall-clock": ("bench/a.c", "now = time(NULL);", "now = run_time(NULL); x->time(1);"),
    "clock-in-core": ("server/core/a.c", "clock_gettime(0, &t);", "clock(t);"),
    "heap": ("server/net/a.c", "free(p);", "lk_free(p); leveldb_free(p); p->free(q);"),
    "stack-allocation": ("gen/plugin/a.c", "alloca(9);", "lk_alloca(9);"),
    "leaky-comparison": ("server/core/a.c", "memcmp(a, b, n)", "lk_digest_equal(a, b)"),
    "nng-insert": ("server/net/a.c", "nng_msg_insert(m, p, n);", "nng_msg_append(m, p, n);"),
    "nng-socket-io": ("client/a.c", "nng_recv(s, &p, &n, 0);", "nng_ctx_recv(c, aio);"),
    "line-comment": ("proto/wire/a.c", "int a; // why", 'x = "https://a"; /* // */'),
    "struct-typedef": ("client/a.h", "typedef struct a { int b; } a;",
                       "#pragma once\ntypedef struct a (*a_fn)(void);"),
    "unfinished": ("proto/latchkey/a.proto", "// TO" "DO", "// todos"),
    "layer": ("client/a.c", '#include "server/a.h"', '#include "client/a.h"'),
    "include-path": ("client/a.c", '#include "a.h"', '#include "client/a.h"'),
    "third-party": ("server/core/a.c", "#include <sodium.h>", "#include <string.h>"),
    "line-length": ("scripts/a.sh", "#" + "\t" * 12 + "12345",
                    "#" + "\t" * 12 + "1234\n" + "#" * 101),
    "file-length": ("proto/wire/a.c", LINES * 600, LINES * 599),
    "header-length": ("proto/wire/a.h", "#pragma once\n" + LINES * 249,
                      "#pragma once\n" + LINES * 248),
    "function-length": ("tests/a.c", function("\tx();\n" * 69), function("\tx();\n" * 68)),
    "parameters": ("client/a.c",
                   function("", "int f(int a,\n\tint b, int c, struct d (*d)(int, int), int e,\n"
                                "\tint g)"),
                   function("", "int f(int a,\n\tint b, const char *c, size_t n, lk_fn d, "
                                "void *arg,\n\tint e)")),
    "nesting": ("client/a.c", function("\t\t\t\tif (x)\n\t\t\t\t\ty();\n"),
                function("\t\t\tif (x)\n\t\t\t\treturn;\n")),
    "upward-goto": ("client/a.c", function("out:\n\tgoto out;\n"), function("\tgoto out;\nout:\n")),
    "try-and-goto": ("client/a.c", function("\tgoto out;\n\tLK_TRY(x());\nout:\n"),
                     function("\tLK_TRY(x());\n") + function("\tgoto out;\nout:\n")),
    "pragma-once": ("client/a.h", "int a;", "#pragma once\nint a;"),
    "spdx": ("scripts/a.sh", None, "#"),
}

# Pairs of a file and an include that some layer must refuse, and some that must pass.
REFUSED = [
    ("client/a.c", '"server/core/a.h"'), ("server/core/a.c", '"client/a.h"'),
    ("server/core/a.c", '"proto/wire/rpc.h"'), ("server/core/a.c", '"server/clock.h"'),
    ("server/core/a.c", '"server/rpc/a.h"'), ("server/core/a.c", '"latchkey/v1/key.pb-c.h"'),
    ("server/core/a.c", "<protobuf-c/protobuf-c.h>"), ("server/core/a.c", "<nng/nng.h>"),
    ("server/rpc/a.c", "<nng/nng.h>"), ("server/rpc/a.c", '"server/net/a.h"'),
    ("server/store/a.c", "<leveldb/c.h>"), ("server/store/a.c", "<protobuf-c/protobuf-c.h>"),
    ("server/store/a.c", '"server/core/a.h"'), ("server/crypto/a.c", "<sodium.h>"),
    ("server/crypto/sodium.c", "<openssl/evp.h>"), ("server/net/a.c", '"client/a.h"'),
    ("server/a.c", '"client/a.h"'), ("server/log.c", "<yaml.h>"), ("client/cli/a.c", "<nng/nng.h>"),
    ("client/cli/a.c", "<jansson.h>"), ("proto/wire/a.c", "<jansson.h>"),
    ("proto/wire/a.c", '"latchkey/v1/key.pb-c.h"'), ("gen/plugin/a.c", '"proto/wire/rpc.h"'),
    ("server/config.c", "<yaml.h>"), ("server/config.c", '"client/bridge/http.h"'),
    ("client/bridge/config.c", '"server/config.h"'), ("config/a.c", '"server/config.h"'),
    ("bench/a.c", "<sodium.h>"), ("client/a.c", "<curl/curl.h>"), ("elsewhere/a.c", "<string.h>"),
]
ACCEPTED = [
    ("server/main.c", '"client/channel/a.h"'), ("server/main.c", '"server/core/a.h"'),
    ("server/core/a.c", '"server/store/a.h"'), ("server/core/a.c", '"proto/wire/status.h"'),
    ("server/rpc/a.c", '"latchkey/v1/key.rpc.h"'), ("server/rpc/a.c", '"server/core/a.h"'),
    ("server/net/a.c", "<nng/nng.h>"), ("client/channel/a.c", "<nng/protocol/reqrep0/req.h>"),
    ("server/store/store_leveldb.c", "<leveldb/c.h>"), ("server/crypto/sodium.c", "<sodium.h>"),
    ("server/store/record.c", '"server/store/records.pb-c.h"'), ("config/reader.c", "<yaml.h>"),
    ("server/config.c", '"client/bridge/config.h"'), ("client/bridge/config.c", '"config/a.h"'),
    ("tests/unit/a.c", "<cmocka.h>"), ("tests/unit/a.c", '"server/core/a.h"'),
    ("proto/wire/json_parse.c", "<jansson.h>"), ("server/core/a.c", "<sys/socket.h>"),
]


class Tree(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name)

    def put(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def found(self):
        return {finding.rule for check in (banned, layers, shape)
                for finding in check.check(read_tree(self.root))}

    def run_script(self, name, *arguments):
        command = [ROOT / "tests/lint" / name, self.root, *arguments]
        return subprocess.run(command, capture_output=True, check=False).returncode


class Rules(Tree):
    def test_every_rule_has_a_case(self):
        rules = set(banned.REASONS) | set(layers.REASONS) | set(shape.REASONS)
        self.assertEqual(rules, set(CASES))

    def test_every_rule_finds_what_is_bad_and_nothing_in_what_is_good(self):
        for rule, (path, bad, good) in CASES.items():
            with self.subTest(rule=rule):
                tag = f"/* {TAG} */\n" if path.endswith((".c", ".h")) else f"# {TAG}\n"
                self.put("server/a.h", f"/* {TAG} */\n#pragma once\n")
                self.put("client/a.h", f"/* {TAG} */\n#pragma once\n")
                self.put(path, tag + bad if bad is not None else "")
                self.assertIn(rule, self.found())
                self.put(path, tag + good)
                self.assertEqual(self.found(), set())
                (self.root / path).unlink()

    def test_includes_across_layers_are_refused(self):
        for path, name in REFUSED:
            with self.subTest(path=path, name=name):
                self.assertTrue(self.findings_of_include(path, name))

    def test_includes_down_the_layers_are_accepted(self):
        for path, name in ACCEPTED:
            with self.subTest(path=path, name=name):
                self.assertEqual(self.findings_of_include(path, name), [])

    def findings_of_include(self, path, name):
        """Judges the include in `path`, whose target exists, by the layers alone."""
        if name[0] == '"':
            self.put(name.strip('"'), "")
        self.put(path, f"#include {name}\n")
        files = read_tree(self.root)
        if not path.startswith("elsewhere/"):
            self.assertIn(path, [file.path for file in files])
            files = [file for file in files if file.path in (path, name.strip('"'))]
            return list(layers.check(files))
        return [] if layers.allowed_in(path) else ["in no layer"]


class Scripts(Tree):
    def test_headers_tell_one_that_needs_another_before_it(self):
        for compiler in ("gcc", "clang"):
            self.put("proto/a.h", "#pragma once\nstruct a { uint8_t b; };\n")
            self.assertNotEqual(self.run_script("headers.sh", compiler), 0)
            self.put("proto/a.h", "#pragma once\n#include <stdint.h>\nstruct a { uint8_t b; };\n")
            self.assertEqual(self.run_script("headers.sh", compiler), 0)

    def test_format_tells_spaces_from_tabs(self):
        self.put(".clang-format", (ROOT / ".clang-format").read_text())
        self.put("proto/a.c", "void f(void)\n{\n    g();\n}\n")
        self.assertNotEqual(self.run_script("format.sh"), 0)
        self.put("proto/a.c", "void f(void)\n{\n\tg();\n}\n")
        self.assertEqual(self.run_script("format.sh"), 0)

    def test_shell_finds_an_unquoted_word_in_a_script_without_suffix(self):
        self.put("scripts/a", "#!/bin/sh\nrm $1\n")
        self.assertNotEqual(self.run_script("shell.sh"), 0)
        self.put("scripts/a", '#!/bin/sh\nrm "$1"\n')
        self.assertEqual(self.run_script("shell.sh"), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
