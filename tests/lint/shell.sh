#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# shell.sh ROOT: shellcheck has nothing to say about any script.
set -euo pipefail
cd "$1"

find . \( -name build -o -name .git -o -name node_modules \) -prune -o -type f -print0 |
	xargs -0 grep -lE -m1 '^#!.*[ /](sh|bash)$' | xargs shellcheck
