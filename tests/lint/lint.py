#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the house rules: lint.py ROOT [layers|banned|shape]..."""

import sys

import banned
import layers
import shape
from source import read_tree

CHECKS = {"layers": layers, "banned": banned, "shape": shape}


def main(root, names):
    files = read_tree(root)
    findings = 0
    for name in names or CHECKS:
        for finding in CHECKS[name].check(files):
            findings += 1
            print(f"{finding.path}:{finding.line}: {finding.rule}: {finding.detail}\n"
                  f"    {CHECKS[name].REASONS[finding.rule]}")
    print(f"{len(files)} files, {findings} findings")
    return 1 if findings or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
