#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""names.py ROOT BUILD: the manual pages name every long option and every field of the
configuration, and no others; the configurations shown are valid; the files and tests that the
other documents name exist."""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from demo import with_secrets  # noqa: E402

PROGRAMS = {
    "server/latchkeyd.8": [["latchkeyd"]],
    "client/bridge/latchkey-bridge.1": [["latchkey-bridge"]],
    "bench/latchkey-bench.1": [["latchkey-bench"], ["latchkey-bench", "verify"],
                               ["latchkey-bench", "http"], ["latchkey-bench", "scale"],
                               ["latchkey-bench", "sign-in"], ["latchkey-bench", "refresh"]],
}

# A page shows how other programs are called, too.
EXAMPLES = ".Sh EXAMPLES"


def options_of(build, command):
    done = subprocess.run([build / command[0], *command[1:], "--help"], check=True,
                          capture_output=True, text=True)
    return set(re.findall(r"^\s*(?:-., +)?--([a-z-]+)", done.stdout, re.M))


def check_options(root, build, page, commands):
    known = set().union(*(options_of(build, command) for command in commands))
    text = (root / page).read_text().split(EXAMPLES)[0]
    told = set(re.findall(r"\bFl Fl ([a-z-]+)", text))
    if not known:
        yield f"{page}: {commands[0][0]} --help shows no options"
    for name in sorted(known - told):
        yield f"{page}: --{name} is missing"
    # `--version` of a program with commands is in no option parser.
    for name in sorted(told - known - {"help", "version"}):
        yield f"{page}: there is no --{name}"


def check_fields(root):
    page = "server/latchkeyd.yaml.5"
    source = "".join((root / name).read_text()
                     for name in ("server/config.c", "server/config_realm.c",
                                  "server/config_issuers.c", "server/config_limits.c",
                                  "server/config_listed.c",
                                  "server/config_routes.c", "client/bridge/config.c"))
    text, examples = (root / page).read_text().split(EXAMPLES)
    fields = set(re.findall(r'\.name = "([\w.]+)",[\s\\]*\.kind', source))
    if not fields:
        yield "server/config.c: no fields found"
    for name in sorted(fields):
        if not re.search(rf"^\.It Li {re.escape(name)}(?= )", text, re.M):
            yield f"{page}: {name} is missing"
        if not re.search(rf"^\s*(- |# *(- |or )?)?{re.escape(name)}:", examples, re.M):
            yield f"{page}: the example lacks {name}"
    for name in sorted(set(re.findall(r"^\.It Li ([\w.]+)", text, re.M)) - fields):
        yield f"{page}: there is no {name}"


def check_examples(root, build):
    page = "server/latchkeyd.yaml.5"
    shown = re.findall(r"^\.Bd .*\n((?:.*\n)*?)\.Ed$", (root / page).read_text(), re.M)
    examples = {f"{page}: example {number}": text for number, text in enumerate(shown, 1)}
    whole = set((root / "examples").glob("*.yaml")) - {root / "examples/crm_config.yaml"}
    for path in sorted(whole):
        examples[f"examples/{path.name}"] = with_secrets(path.read_text())
    for name, text in examples.items():
        done = subprocess.run([build / "latchkeyd", "--check", "--config", "/dev/stdin"],
                              input=text, capture_output=True, text=True)
        if done.returncode != 0:
            yield f"{name}: {done.stderr}"


def check_references(root):
    tops = {path.name for path in root.iterdir()} - {"build", "var"}
    tests = set()
    for path in (root / "tests").rglob("*test_*"):
        if path.suffix in (".c", ".py"):
            tests.update(re.findall(r"^TEST\((\w+)\)|^ +def (test_\w+)", path.read_text(), re.M))
    known = {name for pair in tests for name in pair}
    for page in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        for token in re.findall(r"`([^`\s]+)`", (root / page).read_text()):
            top, slash, rest = token.partition("/")
            if slash and top in tops and rest and not any(root.glob(token.rstrip("/"))):
                yield f"{page}: there is no {token}"
            is_test = re.fullmatch(r"(?!lk_)[A-Za-z]+(_[A-Za-z]+){3,}", token)
            if is_test and token not in known:
                yield f"{page}: there is no test {token}"


def main():
    root, build = (pathlib.Path(arg) for arg in sys.argv[1:])
    findings = [*check_fields(root), *check_examples(root, build), *check_references(root)]
    for page, commands in PROGRAMS.items():
        findings += check_options(root, build, page, commands)
    print("\n".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
