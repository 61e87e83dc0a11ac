#!/bin/sh
# SPDX-License-Identifier: MIT
# Starts latchkeyd on demo data and walks through the life of a key.
# With --once it stops the daemon at the end instead of leaving it to you.
set -eu
cd "$(dirname "$0")/.."

once=false
case ${1-} in
"") ;;
--once) once=true ;;
*)
	echo "demo.sh: unknown argument '$1' (only --once is known)" >&2
	exit 2
	;;
esac

bin=${LATCHKEY_BUILD:-build/release}
demo=var/demo
export LATCHKEY_SERVER="ipc://$demo/run/rpc.sock"

people='basicsos incrm omnicrm' # realms that people sign in to

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Shows a command as one would type it, then runs it.
show() {
	printf '\033[36m$ %s\033[0m\n' "$*"
	"$@"
}

umask 077
mkdir -p "$demo/keys" "$demo/secrets"
# What BrikSync shares with those who sign its tokens and its webhooks.
for name in supabase stripe; do
	[ -s "$demo/secrets/$name" ] || head -c 32 /dev/urandom | base64 >"$demo/secrets/$name"
done
"$bin/latchkeyd" --config examples/demo.yaml 2>"$demo/latchkeyd.log" &
daemon=$!
trap 'kill "$daemon" 2>/dev/null || true; wait "$daemon" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

tries=0
until "$bin/latchkey" health >/dev/null 2>&1; do
	tries=$((tries + 1))
	if [ "$tries" -ge 100 ] || ! kill -0 "$daemon" 2>/dev/null; then
		echo "demo.sh: latchkeyd did not start:" >&2
		tail -n 5 "$demo/latchkeyd.log" >&2
		exit 1
	fi
	sleep 0.1
done
say "latchkeyd answers on $LATCHKEY_SERVER and tcp://127.0.0.1:8070"
show "$bin/latchkey" health

# The keys of credentials.json are made once and kept while they verify.
keep_key() {
	realm=$1
	shift
	file=$demo/keys/$realm
	if [ -f "$file" ] &&
		"$bin/latchkey" auth verify --realm "$realm" <"$file" >/dev/null 2>&1; then
		return
	fi
	rm -f "$file"
	"$bin/latchkey" "$@" --secret-file "$file" >/dev/null
}

keep_key latchkey service create --name demo --scope auth.verify --scope keys.read \
	--scope keys.manage --realm '*'
# BrikSync has keys for organisations on this plan.
"$bin/latchkey" organization set --realm briksync --plan BUSINESS example >/dev/null
for realm in basicsos incrm briksync gateway omnicrm; do
	keep_key "$realm" key create --realm "$realm" --name demo --user demo \
		--organization example --scope '*'
done
# So are people: one for each of two roles, with passwords of their own.
mkdir -p "$demo/people"
keep_person() {
	realm=$1
	role=$2
	file=$demo/people/$realm-$role
	if [ -f "$file" ] && "$bin/latchkey" auth sign-in --realm "$realm" \
		--email "$role@example.com" --password-file "$file" >/dev/null 2>&1; then
		return
	fi
	head -c 18 /dev/urandom | base64 >"$file"
	"$bin/latchkey" user create --realm "$realm" --email "$role@example.com" \
		--name "Demo $role" --role "$role" --organization example \
		--password-file "$file" >/dev/null
}
person() {
	printf '"%s": { "email": "%s@example.com", "password": "%s" }, ' \
		"$2" "$2" "$(cat "$demo/people/$1-$2")"
}
# The people of the documents' own examples, so that these run as they stand. Everybody knows their
# passwords, so they come in as hashes, as people do from elsewhere.
for realm in incrm omnicrm; do
	"$bin/latchkey" import users --realm "$realm" "examples/users/$realm.jsonl" >/dev/null
done
for realm in $people; do
	keep_person "$realm" admin
	keep_person "$realm" viewer
done
{
	printf '{\n  "service": "%s"' "$(cat "$demo/keys/latchkey")"
	for realm in basicsos incrm briksync gateway omnicrm; do
		printf ',\n  "%s": { ' "$realm"
		case " $people " in
		*" $realm "*)
			person "$realm" admin
			person "$realm" viewer
			;;
		esac
		printf '"key": "%s" }' "$(cat "$demo/keys/$realm")"
	done
	printf '\n}\n'
} >"$demo/credentials.json.new"
mv "$demo/credentials.json.new" "$demo/credentials.json"

say "1. Create a key that may read clients and invoices"
rm -f "$demo/keys/walk"
show "$bin/latchkey" key create --realm incrm --name "nightly export" --user ada \
	--scope clients.read --scope 'invoices.*' --secret-file "$demo/keys/walk"

say "2. Verify it: who is calling, and may they?"
printf '\033[36m$ latchkey auth verify --realm incrm --permission invoices.create < %s\033[0m\n' \
	"$demo/keys/walk"
"$bin/latchkey" auth verify --realm incrm --permission invoices.create <"$demo/keys/walk"

say "3. In another realm the same key is unknown"
"$bin/latchkey" auth verify --realm gateway <"$demo/keys/walk" || true

say "4. Revoke it"
id=$("$bin/latchkey" auth verify --realm incrm --json <"$demo/keys/walk" |
	sed -n 's/.*"keyId": *"\([^"]*\)".*/\1/p')
show "$bin/latchkey" key revoke --realm incrm --reason superseded "$id"

say "5. The very next verification is refused"
"$bin/latchkey" auth verify --realm incrm --permission invoices.create <"$demo/keys/walk" || true

say "6. A person signs in, is who they are, and signs out"
rm -f "$demo/keys/token" "$demo/keys/refresh"
"$bin/latchkey" auth sign-in --realm incrm --email viewer@example.com \
	--password-file "$demo/people/incrm-viewer" --access-token-to "$demo/keys/token" \
	--refresh-token-to "$demo/keys/refresh" >/dev/null
show "$bin/latchkey" auth verify --realm incrm --key-file "$demo/keys/token" --with-permissions
show "$bin/latchkey" auth sign-out --realm incrm --access-token-file "$demo/keys/token"
show "$bin/latchkey" auth verify --realm incrm --key-file "$demo/keys/token" || true

say "7. Over HTTP: a person signs in, and a proxy asks about a request"
http=http://127.0.0.1:8082
printf '{"email": "viewer@example.com", "password": "%s"}' "$(cat "$demo/people/incrm-viewer")" \
	>"$demo/keys/sign-in.json"
show curl -sS "$http/api/v1/auth/sign-in" -H 'Content-Type: application/json' \
	-d "@$demo/keys/sign-in.json"
printf '\n\n'
printf 'X-Api-Key: %s\n' "$(cat "$demo/keys/incrm")" >"$demo/keys/incrm.header"
show curl -sSi "$http/_latchkey/verify" -H "@$demo/keys/incrm.header" \
	-H 'X-Original-Method: GET' -H 'X-Original-URI: /api/v1/client'

say "What to try next"
cat <<EOF
  export LATCHKEY_SERVER=$LATCHKEY_SERVER
  $bin/latchkey key list --realm incrm
  $bin/latchkey key create --realm incrm --name mine --scope clients.read --expires 30d
  $bin/latchkey call --list
  $bin/latchkey-bench verify --compare
  curl $http/api/v1/openapi.json
  curl http://127.0.0.1:8071/_latchkey/metrics

  Keys to play with are in $demo/credentials.json, the log is in $demo/latchkeyd.log.
EOF

if $once; then
	exit 0
fi
say "Press Ctrl-C to stop the daemon."
wait "$daemon"
