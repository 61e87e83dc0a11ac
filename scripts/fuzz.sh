#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs each fuzz target of build/fuzz for so many seconds, one after the other, and says how many
# inputs each tried. What is new is kept below build/fuzz/corpus; what breaks a target below
# build/fuzz/found, and belongs into tests/fuzz/corpus once it is mended.
# Usage: fuzz.sh SECONDS [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=$1
shift
if [ $# -eq 0 ]; then
	mapfile -t targets < <(ls tests/fuzz/corpus)
	set -- "${targets[@]}"
fi
broken=0

for target in "$@"; do
	kept=build/fuzz/corpus/$target
	log=build/fuzz/$target.log
	mkdir -p "$kept" build/fuzz/found
	code=0
	"build/fuzz/tests/fuzz_$target" \
		-max_total_time="$seconds" -print_final_stats=1 -timeout=10 \
		-artifact_prefix="build/fuzz/found/$target-" "$kept" "tests/fuzz/corpus/$target" \
		</dev/null >"$log" 2>&1 || code=$?
	tried=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	if [ "$code" -eq 0 ]; then
		printf '%-10s %10d inputs\n' "$target" "${tried:-0}"
		continue
	fi
	broken=$((broken + 1))
	printf '%-10s BROKEN\n' "$target"
	grep -vE '^(#|INFO|NEW_FUNC)' "$log" | head -n 60
done
[ "$broken" -eq 0 ]
