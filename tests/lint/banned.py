# SPDX-License-Identifier: MIT
"""Calls and habits that this code does without, each with the reason."""

import re

from source import Finding


class Ban:
    """A pattern, why it is banned, where (path prefixes; none: everywhere), and where not."""

    def __init__(self, rule, pattern, reason, only=("",), but=()):
        self.rule, self.pattern, self.reason = rule, re.compile(pattern), reason
        self.only, self.but = only, but

    def applies_to(self, path):
        return path.startswith(self.only) and not path.startswith(self.but or "\0")


def call(names):
    return rf"(?<![\w.>])({names})\s*\("


BANS = [
    Ban("unbounded-copy", call("strcpy|strcat|strncpy|strncat|v?sprintf|gets"),
        "it knows no bound or forgets the NUL: use snprintf, lk_buf or memcpy"),
    Ban("unchecked-number", call("atoi|atol|atoll|atof|sscanf|scanf"),
        "it cannot tell 0 from rubbish: use strtol and look at where it stopped"),
    Ban("hidden-state", call("strtok|localtime|gmtime|ctime|asctime|getpwnam|getpwuid"),
        "all threads share its state: use the _r form"),
    Ban("weak-random", call("rand|srand|rand_r|random|srandom|[delmn]rand48"),
        "it can be guessed: use lk_random or getrandom; tests bring a seeded generator"),
    Ban("wall-clock", call("time|gettimeofday|ftime"),
        "time is an argument (lk_time_ms), so that every decision can be repeated",
        but=("server/clock.c",)),
    Ban("clock-in-core", call("clock_gettime|timespec_get"),
        "time is an argument (lk_time_ms), so that every decision can be repeated",
        only=("proto/", "gen/", "server/core/", "server/crypto/")),
    Ban("heap", call("malloc|calloc|realloc|reallocarray|free|strdup|strndup|v?asprintf|"
                     "aligned_alloc|posix_memalign"),
        "lk_alloc is the one door to the heap, so that tests can make any allocation fail",
        but=("proto/wire/arena.c", "tests/", "bench/")),
    Ban("stack-allocation", call("alloca"), "a length from outside would move the stack"),
    Ban("leaky-comparison", call("memcmp|bcmp"),
        "its time tells how much of a secret matched: use lk_digest_equal",
        only=("server/core/", "server/crypto/", "server/rpc/")),
    Ban("nng-insert", r"\bnng_msg_(header_)?insert\w*",
        "it corrupts the heap in nng 1.5.2 for some sizes: build messages by appending"),
    Ban("nng-socket-io", call("nng_(recv|send)(msg|_aio)?"),
        "a socket's own context does one request at a time: use nng_ctx_*",
        but=("tests/", "bench/")),
    Ban("line-comment", r"//", "comments are /* */"),
    Ban("struct-typedef", r"^\s*typedef\s+(struct|enum|union)\b[^(]*$",
        "a reader should see what is a struct; typedefs are for function types and units"),
]

UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
REASONS = {ban.rule: ban.reason for ban in BANS}
REASONS["unfinished"] = "what is committed is finished; what is missing is an issue"


def check_code(file):
    for ban in BANS:
        if not ban.applies_to(file.path):
            continue
        for number, line in enumerate(file.code, 1):
            match = ban.pattern.search(line)
            if match:
                yield Finding(ban.rule, file.path, number, line.strip())


def check(files):
    for file in files:
        if file.is_c and not file.is_generated:
            yield from check_code(file)
        for number, line in enumerate(file.lines, 1):
            if UNFINISHED.search(line):
                yield Finding("unfinished", file.path, number, line.strip())
