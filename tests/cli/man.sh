#!/bin/sh
# SPDX-License-Identifier: MIT
# man.sh LATCHKEY PAGE: the manual page is well-formed, and has every command, option and exit code
# that the program's own help has.
set -eu
program=$1
page=$2
text=$(mktemp)
trap 'rm -f "$text"' EXIT
failed=0

complain() {
	echo "$page: $*" >&2
	failed=1
}

warnings=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l "$page" 2>&1 >"$text")
[ -z "$warnings" ] || complain "$warnings"
# Overstrikes and folded lines would hide words, and examples explain nothing.
col -bx <"$text" | sed '/^EXAMPLES/,$d' | tr -s ' \n' ' ' >"$text.flat"
mv "$text.flat" "$text"

"$program" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]* *[a-z-]*\)  .*/\1/p' |
	sed 's/ *$//' >"$text.commands"
[ "$(wc -l <"$text.commands")" -ge 10 ] || complain "the help lists no commands"
while read -r command; do
	grep -q " $command " "$text" || complain "$command is not there"
	# shellcheck disable=SC2086 # a command is one or two words
	for option in $("$program" $command --help | grep -oE '^ +(-., )?--[a-z-]+' |
		grep -oE '\-\-[a-z-]+'); do
		grep -q -e "$option" "$text" || complain "$option of $command is not there"
	done
done <"$text.commands"
rm -f "$text.commands"

# The words of the table, without its case and full stops.
"$program" --help | sed -n 's/^  \([0-9]\)  \(.*\)/\2/p' | while read -r meaning; do
	grep -qi -e "$meaning" "$text" || echo "$meaning"
done >"$text.missing"
[ ! -s "$text.missing" ] || complain "exit codes: $(cat "$text.missing")"
rm -f "$text.missing"
exit "$failed"
