#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copies the generated stubs of the core services from a build tree to where they are committed.
#
#   gen/update.sh [BUILD-DIR]     the default is build/debug
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/debug}
rm -f gen/latchkey/v1/*.rpc.[hc]
cp "$build"/gen/latchkey/v1/*.rpc.[hc] gen/latchkey/v1/
