#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is committed is what the plugin makes of the schema now.
#
#   gen_drift.sh SOURCE-DIR BUILD-DIR
set -eu
committed=$1/gen/latchkey
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
for part in v1 rest; do
	mkdir "$fresh/$part"
	cp "$2/gen/latchkey/$part"/*.rpc.[hc] "$fresh/$part"
done
cp "$2"/gen/latchkey/rest/*.openapi.json "$fresh/rest"
if ! diff -ru "$committed" "$fresh"; then
	echo "the committed files are not what the schema gives; run: just gen" >&2
	exit 1
fi
