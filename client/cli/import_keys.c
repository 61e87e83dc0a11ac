/* SPDX-License-Identifier: MIT */
/* import keys: as they are, or as digests of them. */
#include "client/cli/import_kind.h"
#include "latchkey/v1/key.rpc.h"

#define DIGEST_N 32

typedef Latchkey__Cli__KeyLine key_line;

static const char *name_of(const ProtobufCMessage *line)
{
	return ((const key_line *)line)->name;
}

static int value_of(char digit)
{
	return digit >= '0' && digit <= '9'   ? digit - '0'
	       : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
	       : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
					      : -1;
}

static bool is_digest(const char *text)
{
	size_t n = 0;

	while (value_of(text[n]) >= 0)
		n++;
	return n == (size_t)2 * DIGEST_N && text[n] == '\0';
}

static struct lk_status check(const ProtobufCMessage *line, struct lk_seen *seen)
{
	static const char digest[] = "a digest is 64 hexadecimal digits";
	const key_line *key = (const key_line *)line;
	bool has_key = key->plaintext[0] != '\0', has_sha256 = key->sha256[0] != '\0',
	     has_hmac = key->hmac_sha256[0] != '\0';

	if (key->name[0] == '\0')
		return LK_BAD_FIELD("name", "is missing");
	if (has_key + has_sha256 + has_hmac != 1)
		return LK_BAD_FIELD(
			"plaintext", "it, sha256 or hmac_sha256 is needed, one of them");
	if (has_sha256 && !is_digest(key->sha256))
		return LK_BAD_FIELD("sha256", digest);
	if (has_hmac && !is_digest(key->hmac_sha256))
		return LK_BAD_FIELD("hmac_sha256", digest);
	return lk_seen_add_text(seen, has_key      ? key->plaintext
				      : has_sha256 ? key->sha256
						   : key->hmac_sha256);
}

/* NULL when memory is short. */
static uint8_t *decode(const char *text, struct lk_arena *arena)
{
	uint8_t *bytes = lk_arena_alloc(arena, DIGEST_N);

	for (size_t i = 0; bytes != NULL && i < DIGEST_N; i++)
		bytes[i] = (uint8_t)(value_of(text[2 * i]) * 16 + value_of(text[2 * i + 1]));
	return bytes;
}

static void set_secret(const key_line *key, lk_import_key_request *request, struct lk_arena *arena)
{
	if (key->plaintext[0] != '\0') {
		request->secret_case = LATCHKEY__V1__IMPORT_KEY_REQUEST__SECRET_PLAINTEXT;
		request->plaintext = key->plaintext;
	} else if (key->sha256[0] != '\0') {
		request->secret_case = LATCHKEY__V1__IMPORT_KEY_REQUEST__SECRET_SHA256;
		request->sha256.data = decode(key->sha256, arena);
		request->sha256.len = DIGEST_N;
	} else {
		request->secret_case = LATCHKEY__V1__IMPORT_KEY_REQUEST__SECRET_HMAC_SHA256;
		request->hmac_sha256.data = decode(key->hmac_sha256, arena);
		request->hmac_sha256.len = DIGEST_N;
	}
}

static const ProtobufCMessage *request_of(
	const ProtobufCMessage *line, char *realm, bool is_dry, struct lk_arena *arena)
{
	const key_line *key = (const key_line *)line;
	lk_import_key_request *request = (lk_import_key_request *)lk_message_new(
		&latchkey__v1__import_key_request__descriptor, arena);

	if (request == NULL)
		return NULL;
	request->realm = realm;
	request->name = key->name;
	request->user_id = key->user_id;
	request->organization_id = key->organization_id;
	request->n_scopes = key->n_scopes;
	request->scopes = key->scopes;
	request->n_networks = key->n_networks;
	request->networks = key->networks;
	request->expires_at = key->expires_at;
	request->hint = key->hint;
	request->validate_only = is_dry;
	set_secret(key, request, arena);
	return arena->exhausted ? NULL : &request->base;
}

static void imported(void *arg, struct lk_status status, const lk_import_key_response *response)
{
	(void)response;
	lk_import_call_back(arg, status);
}

/* A dry run's request is validated only. */
static void send(struct lk_import_call *call, const struct lk_call_options *options)
{
	lk_key_service_import_key_async(call->calls->channel, options,
		(const lk_import_key_request *)call->request, imported, call);
}

static struct lk_status find_realm(
	struct lk_cli *cli, const struct lk_call_options *options, char *realm)
{
	lk_list_keys_request request = LK_LIST_KEYS_REQUEST_INIT;
	lk_list_keys_response *response;

	request.realm = realm;
	request.page_size = 1;
	return lk_key_service_list_keys(cli->channel, options, &request, &cli->arena, &response);
}

static const struct lk_status is_there = { .code = LK_ALREADY_EXISTS,
	.why = "the key came in before, and was left as it is" };

const struct lk_import_kind lk_import_keys = {
	.lines = &lk_key_lines,
	.help = "Takes in the API keys of a file, which another system made: they work as they "
		"are. Each line is a JSON object, or a record of CSV whose first line names the "
		"columns: name, user_id, organization_id, scopes, networks, expires_at, hint, and "
		"plaintext (the key itself), sha256 or hmac_sha256 (its digest, hexadecimal; an "
		"HMAC by the realm's hmac_secret_file). What came in before is left as it is, so "
		"the command can be repeated. FILE is - for standard input.\v"
		"Example:\n"
		"  latchkey import keys --realm demo --dry-run keys.csv\n"
		"  latchkey import keys --realm demo --report refused.jsonl keys.csv\n",
	.is_there = &is_there,
	.name_of = name_of,
	.check = check,
	.request_of = request_of,
	.send = send,
	.ask = send,
	.find_realm = find_realm,
};
