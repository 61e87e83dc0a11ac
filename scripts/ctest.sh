#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs ctest with the arguments given and ends with `N passed, N failed` alone on a line. The exit
# code is ctest's. Skipped tests count as neither.
set -uo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT

ctest --no-tests=error "$@" </dev/null 2>&1 | tee "$log"
code=${PIPESTATUS[0]}

# ctest names each test that failed or was skipped in a list of its own after the summary.
awk '
	/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: .* Passed +[0-9.]+ sec/ { passed++ }
	/^[0-9]+% tests passed, [0-9]+ tests failed out of [0-9]+/ { failed = $4 }
	END { printf "%d passed, %d failed\n", passed, failed }' "$log"
exit "$code"
