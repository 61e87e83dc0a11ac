#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# pages.sh ROOT: the manual pages of the daemon, the bridge and the bench render without a warning.
set -euo pipefail
cd "$1"

mapfile -t pages < <(find server bench client/bridge -name '*.[1-8]' | sort)
[ "${#pages[@]}" -gt 0 ]
failed=0
for page in "${pages[@]}"; do
	warnings=$(MANWIDTH=100 man --warnings -l "$page" 2>&1 >/dev/null)
	[ -z "$warnings" ] && continue
	printf '%s:\n%s\n' "$page" "$warnings"
	failed=1
done
exit "$failed"
