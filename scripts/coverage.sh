#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the tests of the HTTP parser and its fuzz corpus as built in build/coverage, and prints how
# many of its lines and branches they take. Fails when a branch goes one way only, and names it.
set -euo pipefail
cd "$(dirname "$0")/.."

build=build/coverage
source=client/bridge/http_parse.c
profile=$build/http.profdata

LLVM_PROFILE_FILE=$build/parse.profraw "$build/tests/test_http_parse" >/dev/null 2>&1
LLVM_PROFILE_FILE=$build/framing.profraw "$build/tests/test_http_framing" >/dev/null 2>&1
LLVM_PROFILE_FILE=$build/fuzz.profraw "$build/tests/fuzz_http" tests/fuzz/corpus/http 2>/dev/null
llvm-profdata merge -o "$profile" "$build"/{parse,framing,fuzz}.profraw

set -- -instr-profile="$profile" "$build/tests/test_http_parse" \
	-object "$build/tests/test_http_framing" -object "$build/tests/fuzz_http" "$source"
llvm-cov report "$@"
if llvm-cov show -show-branches=count "$@" | grep -E '\[True: 0,|False: 0\]'; then
	exit 1
fi
