#!/bin/sh
# SPDX-License-Identifier: MIT
# npm.sh FROM DIRECTORY: puts the npm packages that FROM pins into DIRECTORY, unless they are there
# already. Nothing of theirs is run.
set -eu
from=$(cd "$1" && pwd)
mkdir -p "$2"
cd "$2"

cmp -s "$from/package-lock.json" installed.json && exit 0
cp "$from/package.json" "$from/package-lock.json" .
npm ci --ignore-scripts --no-audit --no-fund
cp package-lock.json installed.json
