#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copies what was generated for the core services and the surfaces from a build tree to where it is
# committed.
#
#   gen/update.sh [BUILD-DIR]     the default is build/debug
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/debug}
for part in v1 rest; do
	rm -f gen/latchkey/"$part"/*
	cp "$build/gen/latchkey/$part"/*.rpc.[hc] "gen/latchkey/$part"
done
cp "$build"/gen/latchkey/rest/*.openapi.json gen/latchkey/rest
