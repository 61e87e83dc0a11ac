#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The plugin's output depends on the schema alone: not on the moment, the working directory, the
# form of the paths, or the other files of the same run.
#
#   same_bytes.sh     with PROTOC, PLUGIN, SOURCE and PROTOBUF_INCLUDE in the environment
set -eu
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
mkdir "$out/together" "$out/apart"

generate() {
	"$PROTOC" "--plugin=protoc-gen-latchkey=$PLUGIN" -I "$PROTOBUF_INCLUDE" "$@"
}

cd "$SOURCE/proto"
protos=(latchkey/v1/*.proto latchkey/rest/*.proto)
generate -I . "--latchkey_out=$out/together" "${protos[@]}"
cd "$out"
for proto in "${protos[@]}"; do
	generate -I "$SOURCE/proto" --latchkey_out=apart "$proto"
done
[ -f together/latchkey/v1/key.rpc.c ]
[ -f together/latchkey/rest/incrm.rpc.c ]
diff -r together apart
