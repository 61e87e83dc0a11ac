#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One golden case of the plugin: what it writes for cases/CASE.proto is CASE.rpc.h and CASE.rpc.c,
# and CASE.openapi.json for a surface; the C compiles without a warning. Or its complaint is
# CASE.error.
#
#   run_case.sh CASE     with PROTOC, PROTOC_GEN_C, PLUGIN, SOURCE and BUILD in the environment
#
# A line "// parameter: TEXT" of the case is handed to the plugin. LK_ACCEPT=1 takes what the
# plugin says now for right; look at the difference before you commit it.
set -eu
case=$1
cd "$(dirname "$0")/cases"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
includes=(-I . -I "$SOURCE/proto" -I "$PROTOBUF_INCLUDE")
parameter=$(sed -n 's|^// parameter: ||p' "$case.proto")

generate() {
	"$PROTOC" "--plugin=protoc-gen-latchkey=$PLUGIN" "${includes[@]}" \
		"--latchkey_out=$parameter:$out" "$@"
}

compare() {
	if [ -n "${LK_ACCEPT:-}" ]; then
		cp "$2" "$1"
	fi
	diff -u "$1" "$2"
}

if [ -f "$case.error" ]; then
	if generate "$case.proto" 2>"$out/error"; then
		echo "$case.proto was not refused" >&2
		exit 1
	fi
	compare "$case.error" "$out/error"
	exit 0
fi

generate "$case.proto"
compare "$case.rpc.h" "$out/$case.rpc.h"
compare "$case.rpc.c" "$out/$case.rpc.c"
if [ -f "$out/$case.openapi.json" ]; then
	compare "$case.openapi.json" "$out/$case.openapi.json"
fi

mapfile -t imports < <(sed -n 's|^import "\(lib/.*\)";|\1|p' "$case.proto")
mapfile -t google < <(sed -n 's|^import "\(google/.*\)";|\1|p' "$case.proto")
if [ ${#imports[@]} -gt 0 ]; then
	generate "${imports[@]}"
fi
"$PROTOC" "--plugin=protoc-gen-c=$PROTOC_GEN_C" "${includes[@]}" "--c_out=$out" "$case.proto" \
	"${imports[@]}" "${google[@]}"
for source in "$out/$case".rpc.c "$out/$case".openapi.[c]; do
	[ -f "$source" ] || continue
	"${CC:-cc}" -std=c11 -O2 -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
		-Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wcast-qual -Wundef -Werror \
		-I "$SOURCE" -isystem "$BUILD/gen" -iquote "$out" -isystem "$out" \
		-c -o "$out/case.o" "$source"
done
