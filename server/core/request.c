/* SPDX-License-Identifier: MIT */
#include "server/core/request.h"

#include <string.h>
#include <strings.h>

#include "server/core/index.h"
#include "server/core/text.h"

static enum lk_deny_reason refuse(struct lk_verdict *verdict, const char *field, const char *why)
{
	verdict->field = field;
	verdict->why = why;
	return LK_DENY_INVALID_REQUEST;
}

/* --- providers' keys --- */

/* Blocks that are of this machine, of a private network, or of no host (RFC 6890). */
static bool is_internal(const struct lk_address *address)
{
	static const char *const blocks[] = { "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10",
		"127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16",
		"198.18.0.0/15", "224.0.0.0/3", "::/127", "64:ff9b::/96", "fc00::/7", "fe80::/10",
		"ff00::/8" };

	for (size_t i = 0; i < LK_COUNT(blocks); i++) {
		struct lk_network network;

		if (lk_network_parse(lk_bytes_of(blocks[i]), &network).code != LK_OK ||
			lk_network_contains(&network, address))
			return true;
	}
	return false;
}

static bool ends_with(const char *text, size_t n, const char *end)
{
	size_t end_n = strlen(end);

	return n >= end_n && strncasecmp(text + n - end_n, end, end_n) == 0;
}

/* Of names only those of DNS: `0x7f.1` and `2130706433` are addresses to some. */
static bool is_name(const char *host, size_t n)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t last = n;

	while (last > 0 && host[last - 1] != '.')
		last--;
	for (size_t i = 0; i < n; i++)
		if (strchr(letters, host[i]) == NULL && strchr("0123456789-.", host[i]) == NULL)
			return false;
	return last > 1 && last < n && strchr(letters, host[last]) != NULL &&
	       !ends_with(host, n, ".localhost") && !ends_with(host, n, ".local") &&
	       !ends_with(host, n, ".internal");
}

static bool is_public_host(const char *host, size_t n)
{
	struct lk_bytes text = { (const uint8_t *)host, n };
	struct lk_address address;

	if (n > 2 && host[0] == '[' && host[n - 1] == ']')
		text = (struct lk_bytes) { (const uint8_t *)host + 1, n - 2 };
	if (lk_address_parse(text, &address))
		return !is_internal(&address);
	return is_name(host, n);
}

static bool is_public_https(const char *base)
{
	static const char scheme[] = "https://";
	const char *host = base + sizeof scheme - 1;
	size_t n;

	if (strncmp(base, scheme, sizeof scheme - 1) != 0)
		return false;
	n = strcspn(host, host[0] == '[' ? "]" : ":/?#");
	if (host[0] == '[' && host[n++] == '\0')
		return false;
	return strpbrk(host, "@\\ ") == NULL && strchr(":/", host[n]) != NULL &&
	       is_public_host(host, n);
}

enum lk_deny_reason lk_byok_judge(
	const struct lk_byok *byok, const struct lk_route *route, struct lk_verdict *verdict)
{
	if (byok->provider[0] == '\0')
		return refuse(verdict, "x-byok-provider", "is missing");
	if (!byok->has_api_key)
		return refuse(verdict, "x-byok-api-key", "is missing, or comes more than once");
	if (!lk_words_have(&route->byok, byok->provider))
		return refuse(verdict, "x-byok-provider", "is no provider that is supported here");
	if (byok->api_base[0] != '\0' && !is_public_https(byok->api_base))
		return refuse(verdict, "x-byok-api-base", "must be https, at a public host");
	return LK_DENY_NONE;
}

/* --- users --- */

static enum lk_deny_reason judge_user(const struct lk_verifier *verifier,
	const struct lk_auth_request *request, struct lk_bytes user_id, struct lk_verdict *verdict)
{
	if (verdict->organization_id[0] == '\0')
		return LK_DENY_USER_NOT_ALLOWED;
	verdict->must_compute = !request->may_compute;
	if (verdict->must_compute)
		return LK_DENY_USER_NOT_ALLOWED;
	if (!lk_index_has_member(verifier->index, request->realm, user_id,
		    lk_bytes_of(verdict->organization_id)))
		return LK_DENY_USER_NOT_ALLOWED;
	verdict->on_behalf_of = user_id;
	return LK_DENY_NONE;
}

enum lk_deny_reason lk_on_behalf_judge(const struct lk_verifier *verifier,
	const struct lk_auth_request *request, const struct lk_route *route,
	struct lk_verdict *verdict)
{
	if (route->on_behalf_of == LK_ON_BEHALF_HEADER_OR_BODY) {
		if (request->body_user == LK_BODY_WRONG)
			return refuse(verdict, "userId", "must be a string that is not empty");
		if (request->body_user == LK_BODY_HAS_USER)
			return judge_user(verifier, request, request->body_user_id, verdict);
	}
	if (request->n_on_behalf_of == 0)
		return LK_DENY_NONE;
	if (request->n_on_behalf_of > 1)
		return refuse(verdict, "X-User-Id", "comes more than once");
	if (request->on_behalf_of.n == 0)
		return refuse(verdict, "X-User-Id", "must not be empty");
	return judge_user(verifier, request, request->on_behalf_of, verdict);
}
