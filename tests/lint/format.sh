#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# format.sh ROOT: hand-written C is as clang-format leaves it, so that no diff is about layout.
set -euo pipefail
cd "$1"

find . \( -path ./build -o -name '*.rpc.[ch]' \) -prune -o -name '*.[ch]' -print0 |
	xargs -0 clang-format --dry-run -Werror || {
	echo "run: just fmt"
	exit 1
}
