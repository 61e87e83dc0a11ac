#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The committed stubs are what the plugin makes of the schema now.
#
#   gen_drift.sh SOURCE-DIR BUILD-DIR
set -eu
committed=$1/gen/latchkey/v1
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
cp "$2"/gen/latchkey/v1/*.rpc.[hc] "$fresh"
if ! diff -ru "$committed" "$fresh"; then
	echo "the committed stubs are not what the schema gives; run: just gen" >&2
	exit 1
fi
