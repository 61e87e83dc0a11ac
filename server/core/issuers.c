/* SPDX-License-Identifier: MIT */
#include "server/core/issuers.h"

#include <string.h>

#include "proto/wire/arena.h"

static bool copy(const char *text, char copy_out[LK_ISSUER_NAME_MAX + 1])
{
	size_t n = strlen(text);

	if (n == 0 || n > LK_ISSUER_NAME_MAX)
		return false;
	memcpy(copy_out, text, n + 1);
	return true;
}

static struct lk_status fill(const struct lk_issuer_spec *spec, struct lk_issuer *issuer)
{
	if (!copy(spec->issuer, issuer->issuer) || !copy(spec->audience, issuer->audience) ||
		!copy(spec->roles_claim, issuer->roles_claim) ||
		(spec->organization_claim != NULL &&
			!copy(spec->organization_claim, issuer->organization_claim)))
		return LK_BAD_FIELD("issuers", "names and claims have 1 to 200 bytes");
	issuer->keys = spec->keys;
	issuer->has_keys = spec->jwks != NULL;
	if (issuer->has_keys)
		return LK_SUCCESS;
	if (spec->secret.n < LK_SECRET_MIN || spec->secret.n > LK_SECRET_MAX)
		return LK_BAD_FIELD("issuers", "a secret has 32 to 512 bytes");
	memcpy(issuer->secret, spec->secret.data, spec->secret.n);
	issuer->secret_n = spec->secret.n;
	return LK_SUCCESS;
}

struct lk_status lk_issuers_new(
	const struct lk_issuer_spec *specs, size_t n, struct lk_issuers **issuers_out)
{
	struct lk_status st = LK_SUCCESS;
	struct lk_issuers *issuers;

	*issuers_out = NULL;
	if (n == 0)
		return LK_SUCCESS;
	if (n > LK_ISSUERS_MAX)
		return LK_BAD_FIELD("issuers", "a realm has at most 4 issuers");
	issuers = lk_alloc(sizeof *issuers);
	if (issuers == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	for (; issuers->n < n && st.code == LK_OK; issuers->n++)
		st = fill(&specs[issuers->n], &issuers->items[issuers->n]);
	if (st.code == LK_OK)
		*issuers_out = issuers;
	else
		lk_issuers_free(issuers);
	return st;
}

void lk_issuers_free(struct lk_issuers *issuers)
{
	if (issuers != NULL)
		lk_wipe(issuers, sizeof *issuers);
	lk_free(issuers);
}
