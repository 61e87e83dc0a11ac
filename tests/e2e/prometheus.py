# SPDX-License-Identifier: MIT
"""Prometheus's text format 0.0.4, read strictly."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? ([0-9]+(?:\.[0-9]+)?)")


class Malformed(Exception):
    pass


def require(condition, line):
    if not condition:
        raise Malformed(line)


def read(text):
    """{family: (kind, {labels: value})}; each family has a HELP, then a TYPE, then its samples."""
    require(text.endswith("\n") and "\r" not in text, "the last line has no end")
    families, name, kind = {}, None, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            require(kind is not None or name is None, line)
            found = re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line)
            require(found and found[1] not in families, line)
            name, kind = found[1], None
        elif line.startswith("# TYPE "):
            found = re.fullmatch(rf"# TYPE ({NAME}) (counter|gauge)", line)
            require(found and found[1] == name and kind is None, line)
            kind = found[2]
            # A convention: what only grows says so.
            require((kind == "counter") == name.endswith("_total"), line)
            families[name] = (kind, {})
        else:
            found = SAMPLE.fullmatch(line)
            require(found and kind is not None and found[1] == name, line)
            samples = families[name][1]
            require((found[2] or "") not in samples, line)
            samples[found[2] or ""] = float(found[3])
    require(all(samples for _, samples in families.values()), "a family without samples")
    return families
