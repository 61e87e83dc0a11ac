/* SPDX-License-Identifier: MIT */
#include "server/core/entry.h"

#include <assert.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/key_text.h"

#define REALMS_SIZE (LK_REALMS_MAX / 8)

static size_t networks_offset(const struct lk_entry *entry)
{
	return (size_t)entry->name_n + entry->user_id_n + entry->organization_id_n + 3 +
	       entry->scopes_n;
}

static size_t tail_size(const struct lk_entry *entry)
{
	return networks_offset(entry) + entry->n_networks * sizeof(struct lk_network) +
	       (entry->has_realms ? REALMS_SIZE : 0);
}

size_t lk_entry_size(const struct lk_entry *entry)
{
	return sizeof *entry + tail_size(entry);
}

const char *lk_entry_name(const struct lk_entry *entry)
{
	return entry->tail;
}

const char *lk_entry_user_id(const struct lk_entry *entry)
{
	return entry->tail + entry->name_n + 1;
}

const char *lk_entry_organization_id(const struct lk_entry *entry)
{
	return lk_entry_user_id(entry) + entry->user_id_n + 1;
}

const char *lk_entry_scopes(const struct lk_entry *entry)
{
	return lk_entry_organization_id(entry) + entry->organization_id_n + 1;
}

bool lk_entry_allows_address(const struct lk_entry *entry, const struct lk_address *address)
{
	const char *at = entry->tail + networks_offset(entry);

	if (entry->n_networks == 0)
		return true;
	for (unsigned i = 0; i < entry->n_networks && address != NULL; i++) {
		struct lk_network network;

		memcpy(&network, at + i * sizeof network, sizeof network);
		if (lk_network_contains(&network, address))
			return true;
	}
	return false;
}

void lk_entry_realms(const struct lk_entry *entry, uint64_t bits_out[LK_REALMS_MAX / 64])
{
	memset(bits_out, 0, REALMS_SIZE);
	if (entry->has_realms)
		memcpy(bits_out, entry->tail + tail_size(entry) - REALMS_SIZE, REALMS_SIZE);
}

static struct lk_status damaged(void)
{
	return LK_ERR(LK_DATA_LOSS, "a stored key is damaged");
}

/* Counts first, so that one exact allocation holds everything. */
static bool measure(const struct lk_key_record *record, struct lk_entry *entry)
{
	size_t scopes_n = 0;

	for (size_t i = 0; i < record->scopes.n; i++)
		scopes_n += record->scopes.items[i].n + 1;
	if (record->name.n > UINT8_MAX || record->user_id.n > LK_OWNER_ID_MAX ||
		record->organization_id.n > LK_OWNER_ID_MAX || scopes_n > UINT16_MAX ||
		record->scopes.n > UINT8_MAX || record->networks.n > LK_KEY_NETWORKS_MAX)
		return false;
	entry->scopes_n = (uint16_t)scopes_n;
	entry->n_scopes = (uint8_t)record->scopes.n;
	entry->n_networks = (uint8_t)record->networks.n;
	entry->has_realms = record->realms.n > 0;
	entry->name_n = (uint8_t)record->name.n;
	entry->user_id_n = (uint8_t)record->user_id.n;
	entry->organization_id_n = (uint8_t)record->organization_id.n;
	return true;
}

static char *put(char *at, const void *data, size_t n)
{
	if (n > 0)
		memcpy(at, data, n);
	return at + n;
}

static char *put_text(char *at, struct lk_bytes text)
{
	at = put(at, text.data, text.n);
	*at = '\0';
	return at + 1;
}

/* A network that cannot be read must not widen the key to everywhere. */
static bool fill_tail(const struct lk_realms *realms, const struct lk_key_record *record, char *at)
{
	uint64_t bits[LK_REALMS_MAX / 64] = { 0 };

	at = put_text(at, record->name);
	at = put_text(at, record->user_id);
	at = put_text(at, record->organization_id);
	for (size_t i = 0; i < record->scopes.n; i++)
		at = put_text(at, record->scopes.items[i]);
	for (size_t i = 0; i < record->networks.n; i++) {
		struct lk_network network;

		if (lk_network_parse(record->networks.items[i], &network).code != LK_OK)
			return false;
		at = put(at, &network, sizeof network);
	}
	for (size_t i = 0; i < record->realms.n; i++)
		lk_realms_grant(realms, record->realms.items[i], bits);
	if (record->realms.n > 0)
		put(at, bits, sizeof bits);
	return true;
}

static void fill_head(const struct lk_realm *realm, const struct lk_key_record *record,
	const struct lk_secret_record *secret, struct lk_entry *entry)
{
	bool previous = secret == &record->previous;

	memcpy(entry->digest.bytes, secret->digest, sizeof entry->digest.bytes);
	entry->key_id = record->id;
	/* A scope that the realm no longer has grants nothing. */
	for (size_t i = 0; i < record->scopes.n; i++)
		lk_catalog_grant(&realm->catalog, record->scopes.items[i], &entry->scopes);
	entry->expires_ms = record->expires_ms != 0 ? record->expires_ms : INT64_MAX;
	entry->secret_expires_ms = previous ? secret->expires_ms : INT64_MAX;
	entry->secret = secret->number;
	entry->realm = (uint16_t)realm->index;
	if (record->enabled)
		entry->flags |= LK_ENTRY_ENABLED;
	if (record->revoked_ms != 0)
		entry->flags |= LK_ENTRY_REVOKED;
	if (previous)
		entry->flags |= LK_ENTRY_PREVIOUS;
}

/* An id of ours names a user of the realm, whether or not there is one: where there is none, the
 * entry is denied. Any other text means nothing here. */
static bool find_owners(const struct lk_entry_context *context, const struct lk_key_record *record,
	struct lk_entry *entry)
{
	unsigned realm = context->realm->index;
	struct lk_owner_name name;
	struct lk_key_id user_id;

	if (lk_id_parse(LK_ID_USER, record->user_id, &user_id)) {
		name = lk_owner_of_user(realm, &user_id);
		entry->user = lk_owners_get(context->owners, &name);
		if (entry->user == NULL)
			return false;
	}
	if (record->organization_id.n > 0) {
		name = lk_owner_of_organization(realm, record->organization_id);
		entry->organization = lk_owners_get(context->owners, &name);
		if (entry->organization == NULL)
			return false;
	}
	return true;
}

struct lk_status lk_entry_new(const struct lk_entry_context *context,
	const struct lk_key_record *record, const struct lk_secret_record *secret,
	struct lk_entry **entry_out)
{
	struct lk_entry sizes = { 0 };
	struct lk_entry *entry;

	if (!measure(record, &sizes))
		return damaged();
	entry = lk_alloc(lk_entry_size(&sizes));
	if (entry == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	measure(record, entry);
	fill_head(context->realm, record, secret, entry);
	if (!fill_tail(context->realms, record, entry->tail)) {
		lk_free(entry);
		return damaged();
	}
	if (!find_owners(context, record, entry)) {
		lk_free(entry);
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	}
	*entry_out = entry;
	return LK_SUCCESS;
}

struct lk_status lk_entry_new_session(const struct lk_entry_context *context,
	const struct lk_session_record *record, struct lk_entry **entry_out)
{
	char user_id[LK_ID_TEXT_SIZE];
	struct lk_key_record key = {
		.id = record->id,
		.enabled = true,
		.expires_ms = record->expires_ms,
		.revoked_ms = record->ended_ms,
		.current = { .number = 1 },
	};

	lk_id_format(LK_ID_USER, &record->user_id, user_id);
	key.user_id = lk_bytes_of(user_id);
	memcpy(key.current.digest, record->digest, sizeof key.current.digest);
	LK_TRY(lk_entry_new(context, &key, &key.current, entry_out));
	(*entry_out)->flags |= LK_ENTRY_SESSION;
	memset(&(*entry_out)->scopes, 0xff, sizeof(*entry_out)->scopes);
	return LK_SUCCESS;
}

void lk_session_digest(const struct lk_pepper *pepper, struct lk_bytes realm,
	const struct lk_key_id *session_id, struct lk_digest *digest_out)
{
	uint8_t text[LK_REALM_NAME_MAX + 1 + sizeof session_id->bytes];

	assert(realm.n <= LK_REALM_NAME_MAX);
	memcpy(text, realm.data, realm.n);
	text[realm.n] = '\0';
	memcpy(text + realm.n + 1, session_id->bytes, sizeof session_id->bytes);
	/* Words with a space: no realm has such a name, and so no key such a digest. */
	lk_digest_make(pepper, lk_bytes_of("session id"),
		(struct lk_bytes) { text, realm.n + 1 + sizeof session_id->bytes }, digest_out);
}
