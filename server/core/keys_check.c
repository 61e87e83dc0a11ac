/* SPDX-License-Identifier: MIT */
#include "server/core/keys_priv.h"

#include <string.h>

#include "proto/wire/utf8.h"
#include "server/core/entry.h"

/* 9999-12-31T23:59:59.999Z: later times have no RFC 3339 text. */
#define TIME_MS_MAX INT64_C(253402300799999)

static struct lk_status arena_full(void)
{
	return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
}

struct lk_status lk_keys_set_name(const struct lk_key_spec *spec, struct lk_key_record *record)
{
	record->name = lk_bytes_of(spec->name);
	if (!lk_text_is_plain(record->name, 1, LK_KEY_NAME_MAX))
		return LK_BAD_FIELD(
			"name", "a name is 1 to 200 bytes of UTF-8 without control characters");
	return LK_SUCCESS;
}

struct lk_status lk_keys_set_scopes(const struct lk_core_call *call, const struct lk_key_spec *spec,
	struct lk_key_record *record)
{
	struct lk_permset set = { 0 };
	struct lk_bytes *items;

	if (spec->n_scopes > LK_KEY_SCOPES_MAX)
		return LK_BAD_FIELD("scopes", "a key has at most 64 scopes");
	items = lk_arena_calloc(call->arena, spec->n_scopes, sizeof *items);
	if (items == NULL)
		return arena_full();
	for (size_t i = 0; i < spec->n_scopes; i++) {
		items[i] = lk_bytes_of(spec->scopes[i]);
		if (!lk_catalog_grant(&call->realm->catalog, items[i], &set))
			return LK_BAD_FIELD("scopes", "a scope names no permission of the realm");
	}
	record->scopes = (struct lk_text_list) { items, spec->n_scopes };
	return LK_SUCCESS;
}

struct lk_status lk_keys_set_networks(const struct lk_core_call *call,
	const struct lk_key_spec *spec, struct lk_key_record *record)
{
	struct lk_bytes *items;

	/* Where a service calls from is not known: a bound key would be refused everywhere. */
	if (spec->n_networks > 0 && call->realm->index == 0)
		return LK_BAD_FIELD(
			"networks", "keys of the realm latchkey cannot be bound to networks");
	if (spec->n_networks > LK_KEY_NETWORKS_MAX)
		return LK_BAD_FIELD("networks", "a key has at most 64 networks");
	items = lk_arena_calloc(call->arena, spec->n_networks, sizeof *items);
	if (items == NULL)
		return arena_full();
	for (size_t i = 0; i < spec->n_networks; i++) {
		struct lk_network network;
		char text[LK_NETWORK_TEXT_SIZE];
		char *copy;

		LK_TRY(lk_network_parse(lk_bytes_of(spec->networks[i]), &network));
		lk_network_format(&network, text);
		copy = lk_arena_strndup(call->arena, text, strlen(text));
		if (copy == NULL)
			return arena_full();
		items[i] = lk_bytes_of(copy);
	}
	record->networks = (struct lk_text_list) { items, spec->n_networks };
	return LK_SUCCESS;
}

struct lk_status lk_keys_set_realms(const struct lk_core_call *call, const struct lk_key_spec *spec,
	struct lk_key_record *record)
{
	uint64_t bits[LK_REALMS_MAX / 64] = { 0 };
	struct lk_bytes *items;

	if (spec->n_realms > 0 && call->realm->index != 0)
		return LK_BAD_FIELD("realms", "only keys of the realm latchkey name realms");
	if (spec->n_realms > LK_KEY_REALMS_MAX)
		return LK_BAD_FIELD("realms", "a key has at most 64 realms");
	items = lk_arena_calloc(call->arena, spec->n_realms, sizeof *items);
	if (items == NULL)
		return arena_full();
	for (size_t i = 0; i < spec->n_realms; i++) {
		items[i] = lk_bytes_of(spec->realms[i]);
		if (!lk_realms_grant(call->realms, items[i], bits))
			return LK_BAD_FIELD("realms", "there is no such realm");
	}
	record->realms = (struct lk_text_list) { items, spec->n_realms };
	return LK_SUCCESS;
}

struct lk_status lk_keys_set_expiry(const struct lk_core_call *call, const struct lk_key_spec *spec,
	struct lk_key_record *record)
{
	record->expires_ms = spec->expires_ms;
	if (spec->expires_ms == 0)
		return LK_SUCCESS;
	if (spec->expires_ms <= call->now)
		return LK_BAD_FIELD("expires_at", "a key expires in the future");
	if (spec->expires_ms > TIME_MS_MAX)
		return LK_BAD_FIELD("expires_at", "a key expires before the year 10000");
	return LK_SUCCESS;
}

static struct lk_status check_pair(const struct lk_text_pair *pairs, size_t i)
{
	if (!lk_text_is_plain(pairs[i].key, 1, LK_KEY_METADATA_KEY_MAX))
		return LK_BAD_FIELD("metadata",
			"a metadata key is 1 to 64 bytes of UTF-8 without control characters");
	if (pairs[i].value.n > LK_KEY_METADATA_VALUE_MAX || !lk_utf8_valid(pairs[i].value))
		return LK_BAD_FIELD("metadata", "a metadata value is at most 512 bytes of UTF-8");
	for (size_t j = 0; j < i; j++)
		if (pairs[j].key.n == pairs[i].key.n &&
			strncmp((const char *)pairs[j].key.data, (const char *)pairs[i].key.data,
				pairs[i].key.n) == 0)
			return LK_BAD_FIELD("metadata", "a metadata key occurs twice");
	return LK_SUCCESS;
}

struct lk_status lk_keys_set_metadata(const struct lk_core_call *call,
	const struct lk_key_spec *spec, struct lk_key_record *record)
{
	struct lk_text_pair *pairs;

	if (spec->n_metadata > LK_KEY_METADATA_MAX)
		return LK_BAD_FIELD("metadata", "a key has at most 32 pairs of metadata");
	pairs = lk_arena_calloc(call->arena, spec->n_metadata, sizeof *pairs);
	if (pairs == NULL)
		return arena_full();
	for (size_t i = 0; i < spec->n_metadata; i++) {
		pairs[i].key = lk_bytes_of(spec->metadata[i].key);
		pairs[i].value = lk_bytes_of(spec->metadata[i].value);
		LK_TRY(check_pair(pairs, i));
	}
	record->metadata = (struct lk_pair_list) { pairs, spec->n_metadata };
	return LK_SUCCESS;
}

/* A name that means nothing now may come to mean something, so it counts as all. */
static uint64_t scopes_of(const struct lk_core_call *call, const struct lk_key_record *record)
{
	struct lk_permset set = { 0 };

	for (size_t i = 0; i < record->scopes.n; i++)
		if (!lk_catalog_grant(&call->realm->catalog, record->scopes.items[i], &set))
			return UINT64_MAX;
	return set.w[0];
}

static bool has_realms_of(const struct lk_core_call *call, const struct lk_key_record *record)
{
	uint64_t bits[LK_REALMS_MAX / 64] = { 0 };
	uint64_t missing = 0;

	for (size_t i = 0; i < record->realms.n; i++)
		if (!lk_realms_grant(call->realms, record->realms.items[i], bits))
			(void)lk_realms_grant(call->realms, lk_bytes_of("*"), bits);
	for (size_t i = 0; i < LK_COUNT(bits); i++)
		missing |= bits[i] & ~call->rights->realms[i];
	return missing == 0;
}

struct lk_status lk_keys_check_rights(
	const struct lk_core_call *call, const struct lk_key_record *record)
{
	if (call->rights == NULL || call->realm->index != 0)
		return LK_SUCCESS;
	if ((scopes_of(call, record) & ~call->rights->scopes) != 0)
		return (struct lk_status) { .code = LK_PERMISSION_DENIED,
			.why = "the calling service lacks a scope of this key",
			.field = "scopes" };
	if (!has_realms_of(call, record))
		return (struct lk_status) { .code = LK_PERMISSION_DENIED,
			.why = "the calling service may not act in a realm of this key",
			.field = "realms" };
	return LK_SUCCESS;
}
