#!/bin/sh
# SPDX-License-Identifier: MIT
# extract.sh PAGE DIRECTORY: takes the files out of a page. A file is a fenced block after a
# paragraph that begins with its name in backquotes; what "prints:" announces goes to `expected`.
set -eu
page=$(realpath "$1")
mkdir -p "$2"
cd "$2"
awk '
	/^`[a-z.\/]+`[ :,]/ { split($0, parts, "`"); name = parts[2]; next }
	/prints:$/ { name = "expected"; next }
	/^```/ && writing { writing = 0; close(name); name = ""; next }
	/^```/ && name != "" {
		writing = 1
		folder = name
		if (sub(/\/[^\/]*$/, "", folder)) system("mkdir -p " folder)
		printf "" > name
		next
	}
	writing { print > name }
' "$page"
