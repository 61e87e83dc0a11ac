#!/bin/sh
# SPDX-License-Identifier: MIT
# install.sh DIRECTORY: puts the pinned npm packages there, unless they are there already.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"

cmp -s "$here/package-lock.json" installed.json && exit 0
cp "$here/package.json" "$here/package-lock.json" .
npm ci --ignore-scripts --no-audit --no-fund
cp package-lock.json installed.json
