#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs Debian packages that are missing: the ones named, or else all of packages.txt. Returns
# at once when there is nothing to do. Needs root or sudo only when there is.
set -eu
cd "$(dirname "$0")/.."

wanted=${*:-$(sed 's/#.*//' packages.txt)}

if ! command -v apt-get >/dev/null; then
	echo "install: no apt-get here; these Debian packages are expected:" "$wanted" >&2
	exit 0
fi

# What is installed, and what that provides: some builds of nodejs bring npm along.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}, ${Provides}\n' |
	sed -n 's/^installed //p' | tr ',' '\n' | sed 's/^ *//; s/ .*//')

missing=
for package in $wanted; do
	printf '%s\n' "$installed" | grep -qxF "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "install: missing packages:$missing" >&2
if [ "$(id -u)" -eq 0 ]; then
	sudo=
elif command -v sudo >/dev/null; then
	sudo=sudo
else
	echo "install: neither root nor sudo; as root, run: apt-get install$missing" >&2
	exit 1
fi

install_missing()
{
	# shellcheck disable=SC2086 # both are lists of words
	$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null
}

# A fresh machine has no package lists, an old one stale ones: either shows as a failure, and then
# the lists are fetched.
install_missing 2>/dev/null || {
	$sudo apt-get update -qq
	install_missing
}
