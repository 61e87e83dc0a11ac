#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""systems.py ROOT: docs/systems.md has every claim of each documented system that is kept once, and
names the tests of each and no others."""

import pathlib
import re
import sys

PAGE = "docs/systems.md"

# The claims of each system, and where its tests are.
SYSTEMS = [
    ([f"B{n}" for n in range(1, 26)], ["tests/e2e/basicsos_claims.py"]),
    ([f"I{n}" for n in range(1, 37)], ["tests/e2e/incrm_claims.py", "tests/e2e/incrm_origins.py"]),
    ([f"K{n}" for n in range(1, 21)], ["tests/e2e/briksync_claims.py"]),
    ([f"G{n}" for n in range(1, 18)], ["tests/e2e/gateway_claims.py"]),
    ([f"O{n}" for n in range(1, 20)],
     ["tests/e2e/omnicrm_claims.py", "tests/e2e/test_connect.py", "tests/e2e/test_pages.py"]),
]


def tests_in(root, paths):
    text = "".join((root / path).read_text() for path in paths)
    return set(re.findall(r"^    def (test_[A-Z]\d+_\w+)\(self\)", text, re.M))


def rows_of(page):
    """(claim, its tests) of each row."""
    for line in page.splitlines():
        match = re.match(r"\| ([A-Z]\d+) \| [^|]+ \| ([^|]*) \|", line)
        if match and "`test_" in match[2]:
            yield match[1], re.findall(r"`(test_\w+)`", match[2])


def check(root, claims, paths):
    tests = {name for name in tests_in(root, paths) if name.split("_")[1] in claims}
    told = [row for row in rows_of((root / PAGE).read_text()) if row[0][0] == claims[0][0]]
    if [claim for claim, _ in told] != claims:
        yield f"{PAGE}: the claims are not {', '.join(claims)}, each once"
    for claim, names in told:
        for name in names:
            if name.split("_")[1] != claim:
                yield f"{PAGE}: {name} is no test of {claim}"
            if name not in tests:
                yield f"{PAGE}: there is no {name}"
    for name in sorted(tests - {name for _, names in told for name in names}):
        yield f"{PAGE}: {name} is missing"


def main():
    root = pathlib.Path(sys.argv[1])
    findings = [finding for system in SYSTEMS for finding in check(root, *system)]
    print("\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
