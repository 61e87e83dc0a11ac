#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs every claim of the documented systems, and tells for each whether it is kept.

    systems.py [--json] [SYSTEM...]

docs/systems.md says which tests show a claim; they run against a latchkeyd and a latchkey-bridge of
their own, and a real nginx. The exit code is 1 when a claim is not kept, or not on that page.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/systems.md"

# Its letter, its name, how many claims it has, and the modules of tests/e2e that run them.
SYSTEMS = {
    "basicsos": ("B", "BasicsOS CRM", 25, ["test_basicsos", "test_basicsos_bridge"]),
    "incrm": ("I", "InCRM", 36, ["test_incrm", "test_incrm_bridge"]),
    "briksync": ("K", "BrikSync", 20, ["test_briksync", "test_briksync_bridge"]),
    "gateway": ("G", "Basics Gateway", 17, ["test_gateway", "test_gateway_bridge"]),
    "omnicrm": ("O", "OmniCRM", 19,
                ["test_omnicrm", "test_omnicrm_bridge", "test_connect", "test_pages"]),
}
# Of all of them together.
SHARED = ["test_realms", "test_nginx", "test_products", "test_limits"]


def claims_of(letter):
    """What the page has: claim -> (text, its tests)."""
    rows = {}
    for line in PAGE.read_text().splitlines():
        match = re.match(rf"\| ({letter}\d+) \| ([^|]+) \| ([^|]*) \|", line)
        if match and "`test_" in match[3]:
            rows[match[1]] = (match[2], re.findall(r"`(test_\w+)`", match[3]))
    return rows


def run(module, width):
    """Outcomes by test, every one of its runs; progress on standard error."""
    outcomes = {}
    if not (ROOT / f"tests/e2e/{module}.py").exists():
        return outcomes
    process = subprocess.Popen(
        [sys.executable, "-B", ROOT / "tests/e2e/outcomes.py", module],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    done = 0
    for line in process.stdout:
        outcome, _, test = line.strip().partition(" ")
        outcomes.setdefault(test, []).append(outcome)
        done += 1
        if sys.stderr.isatty():
            print(f"\r{module:{width}} {done} tests", end="", file=sys.stderr, flush=True)
    process.wait()
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    if process.returncode != 0 and not any("FAILED" in told for told in outcomes.values()):
        outcomes[module] = ["FAILED"]
    return outcomes


def judge(name, width):
    """A row for each claim: (claim, text, tests, runs, result)."""
    letter, _, n, modules = SYSTEMS[name]
    outcomes = {}
    for module in modules:
        for test, told in run(module, width).items():
            outcomes.setdefault(test, []).extend(told)
    page = claims_of(letter)
    rows = []
    for number in range(1, n + 1):
        text, tests = page.get(f"{letter}{number}", ("", []))
        told = [outcome for test in tests for outcome in outcomes.get(test, ["FAILED"])]
        result = "missing" if not tests else "ok" if set(told) == {"ok"} else "FAILED"
        rows.append({"claim": f"{letter}{number}", "text": text, "tests": tests,
                     "runs": len(told), "result": result})
    return rows


def print_table(title, rows):
    kept = sum(row["result"] == "ok" for row in rows)
    print(f"\n{title}: {kept} of {len(rows)} claims kept")
    for row in rows:
        text = row["text"].replace("`", "")
        text = text if len(text) <= 60 else text[:59] + "…"
        tests = f"{len(row['tests'])} tests, {row['runs']} runs" if row["tests"] else "–"
        print(f"  {row['claim']:4} {text:60} {tests:18} {row['result']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("systems", nargs="*", metavar="SYSTEM",
                        help=f"one of {', '.join(SYSTEMS)}; all by default")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    for name in args.systems:
        if name not in SYSTEMS:
            parser.error(f"argument SYSTEM: there is no {name}")
    os.environ.setdefault("LATCHKEY_BUILD", str(ROOT / "build/release"))
    width = max(len(module) for *_, modules in SYSTEMS.values() for module in modules)
    told = {}
    for name in args.systems or SYSTEMS:
        told[name] = judge(name, width)
        if not args.json:
            print_table(SYSTEMS[name][1], told[name])
    shared = {}
    for module in SHARED if not args.systems else []:
        outcomes = [outcome for runs in run(module, width).values() for outcome in runs]
        shared[module] = {"runs": len(outcomes), "failed": outcomes.count("FAILED")}
    if args.json:
        print(json.dumps({"systems": told, "together": shared}, indent=2))
    elif shared:
        print("\nAll together")
        for module, row in shared.items():
            print(f"  {module:65} {row['runs']:3} runs          "
                  f"{'ok' if row['failed'] == 0 and row['runs'] > 0 else 'FAILED'}")
    results = [row["result"] for rows in told.values() for row in rows]
    failed = any(row["failed"] or not row["runs"] for row in shared.values())
    if not args.json:
        print(f"\n{results.count('ok')} of {len(results)} claims kept, "
              f"{results.count('FAILED')} failed, {results.count('missing')} missing")
    return 1 if failed or set(results) != {"ok"} else 0


if __name__ == "__main__":
    sys.exit(main())
