# SPDX-License-Identifier: MIT
"""A storm of sign-ins, twenty times as many as there can be: verification goes on beside it,
whoever is not let in is told so at once, and memory stays bounded. latchkey-bench measures; this
judges, and the times only when the storm lasts a minute.

    LATCHKEY_BUILD=<directory of the programs> storm.py [milliseconds of a round] [rounds]
"""

import json
import os
import pathlib
import subprocess
import sys

BUILD = pathlib.Path(os.environ.get("LATCHKEY_BUILD", "build/release")).resolve()
TIMES = 20
JUDGED_FROM_MS = 60000
# One worker, and the dearest hash that the bench's realms let through.
MEMORY_MAX_MIB = 64


def measure(duration_ms, rounds):
    done = subprocess.run(
        [
            *(BUILD / "latchkey-bench", "sign-in", "--json", f"--times={TIMES}"),
            *(f"--duration={duration_ms}", f"--rounds={rounds}"),
        ],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(done.stdout)[0]


def main(duration_ms, rounds):
    found = measure(duration_ms, rounds)
    is_timed = duration_ms * rounds >= JUDGED_FROM_MS
    grown_mib = (found["resident_peak"] - found["resident_calm"]) / 2**20
    table = [
        ("sign-ins told to come later", found["refused"], ">=", 1, True),
        ("sign-ins that failed otherwise", found["failed"], "<=", 0, True),
        ("memory beyond calm, MiB", grown_mib, "<=", MEMORY_MAX_MIB, True),
        ("verification's rate against calm", found["rate_ratio"], ">=", 0.8, is_timed),
        ("verification's p99 against calm", found["p99_ratio"], "<=", 2, is_timed),
        ("told to come later after, p99.9 ms", found["refused_p999_us"] / 1e3, "<=", 50, is_timed),
    ]
    good = True
    print(
        f"{duration_ms * rounds / 1000:.0f} s at {TIMES} times the capacity of "
        f"{found['capacity_per_s']:.1f} sign-ins a second; {found['signed_in']} signed in"
    )
    for what, value, sign, bound, counts in table:
        holds = value >= bound if sign == ">=" else value <= bound
        good &= holds or not counts
        verdict = ("holds" if holds else "BROKEN") if counts else "not judged"
        print(f"{what:35} {value:9.2f}  {sign} {bound:<4}  {verdict}")
    return good


if __name__ == "__main__":
    sys.exit(0 if main(*map(int, sys.argv[1:] or (2000, 1))) else 1)
