#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# headers.sh ROOT COMPILER FLAG...: each header compiles alone, so that a file may include what it
# needs in any order. What the plugin's tests compare is compiled by those tests.
set -euo pipefail
cd "$1"
shift

status=0
headers=$(find . \( -path ./build -o -path ./tests/plugin/cases \) -prune -o \
	-name '*.h' -print | sort)
for header in $headers; do
	"$@" -std=c11 -D_GNU_SOURCE -Werror -fsyntax-only -I. -include "$header" -x c /dev/null || {
		echo "$header: does not compile alone with $1"
		status=1
	}
done
[ -n "$headers" ] && [ "$status" -eq 0 ]
