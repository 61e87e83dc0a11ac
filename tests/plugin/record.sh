#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A plugin that keeps the request that protoc made, in the file named by RECORD, and answers
# nothing.
set -eu
cat >"$RECORD"
