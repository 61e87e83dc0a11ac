#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What gen/README.md says works: its files are taken out of the page, built and run.
#
#   readme.sh     with PROTOC, PLUGIN, SOURCE, BUILD, CC and CFLAGS in the environment
#
# A file is a fenced block after a paragraph that begins with its name in backquotes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
awk '
	/^`[a-z.]+`[:,]/ { split($0, parts, "`"); name = parts[2]; next }
	/^```/ && writing { writing = 0; name = ""; next }
	/^```/ && name != "" { writing = 1; next }
	writing { print > name }
' "$SOURCE/gen/README.md"
export LATCHKEY=$SOURCE BUILD CC CFLAGS
bash build.sh
"$PROTOC" -I . -I "$SOURCE/proto" "--plugin=protoc-gen-latchkey=$PLUGIN" --latchkey_out=. \
	notes.proto
[ -f notes.openapi.json ]
timeout 60 bash run.sh >said
diff -u said - <<'END'
hello
INVALID_ARGUMENT: must not be empty
END
