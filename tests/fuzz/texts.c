/* SPDX-License-Identifier: MIT */
/* The small texts of requests: keys, ids of keys, addresses, networks, permissions, scopes.
 *
 * Input: one byte that chooses the kind, then the text. Invariants: what parses formats into a
 * text that parses into the same; an id has only one text; an address is read as inet_pton reads
 * it; a network holds its own address; a permission that is valid can be offered, is found, and is
 * granted by its own name and by the wildcard over it; a scope that grants nothing adds nothing.
 */
#include <arpa/inet.h>

#include "proto/wire/network.h"
#include "server/core/key_text.h"
#include "tests/fuzz/fuzz.h"

static void check_key(struct lk_bytes text)
{
	struct lk_key_text key = { { 0 } };
	char hint[LK_KEY_HINT_SIZE];

	if (!lk_key_text_is_valid("crm_", text))
		return;
	FUZZ_CHECK(text.n == 4 + LK_KEY_RANDOM_CHARS + LK_KEY_CHECK_CHARS);
	memcpy(key.text, text.data, text.n);
	FUZZ_CHECK(strlen(key.text) == text.n && strncmp(key.text, "crm_", 4) == 0);
	lk_key_text_hint("crm_", &key, hint);
	FUZZ_CHECK(strlen(hint) == 4 + LK_KEY_HINT_CHARS && strncmp(hint, key.text, 11) == 0);
}

static void check_id(struct lk_bytes text)
{
	char formatted[LK_ID_TEXT_SIZE];
	struct lk_key_id id;

	if (!lk_id_parse(LK_ID_KEY, text, &id))
		return;
	lk_id_format(LK_ID_KEY, &id, formatted);
	FUZZ_CHECK(fuzz_same(text, fuzz_text(formatted)));
}

/* As the C library reads it, with IPv4 mapped into IPv6. */
static bool read_address(const char *text, uint8_t bytes_out[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(bytes_out, mapped, sizeof mapped);
	return inet_pton(AF_INET, text, bytes_out + 12) == 1 ||
	       inet_pton(AF_INET6, text, bytes_out) == 1;
}

static void check_address(struct lk_bytes text)
{
	char formatted[LK_ADDRESS_TEXT_SIZE], copy[LK_ADDRESS_TEXT_SIZE] = { 0 };
	struct lk_address address, again;
	uint8_t bytes[16];

	if (!lk_address_parse(text, &address))
		return;
	FUZZ_CHECK(text.n < sizeof copy);
	memcpy(copy, text.data, text.n);
	FUZZ_CHECK(read_address(copy, bytes) && memcmp(bytes, address.bytes, 16) == 0);
	lk_address_format(&address, formatted);
	FUZZ_CHECK(lk_address_parse(fuzz_text(formatted), &again));
	FUZZ_CHECK(memcmp(again.bytes, address.bytes, 16) == 0);
}

static void check_network(struct lk_bytes text)
{
	char formatted[LK_NETWORK_TEXT_SIZE];
	struct lk_network network, again;
	struct lk_address address;

	if (lk_network_parse(text, &network).code != LK_OK)
		return;
	memcpy(address.bytes, network.addr, sizeof address.bytes);
	FUZZ_CHECK(network.bits <= 128 && lk_network_contains(&network, &address));
	lk_network_format(&network, formatted);
	FUZZ_OK(lk_network_parse(fuzz_text(formatted), &again));
	FUZZ_CHECK(memcmp(&again, &network, sizeof network) == 0);
}

static void check_permission(struct lk_bytes name)
{
	static struct lk_catalog catalog;
	struct lk_permset set = { { 0 } };
	char wildcard[LK_PERMISSION_NAME_MAX + 3] = { 0 };
	const uint8_t *dot;

	memset(&catalog, 0, sizeof catalog);
	FUZZ_CHECK(lk_permission_is_valid(name) == (lk_catalog_add(&catalog, name).code == LK_OK));
	if (catalog.n == 0)
		return;
	FUZZ_CHECK(lk_catalog_find(&catalog, name) == 0);
	FUZZ_CHECK(lk_catalog_grant(&catalog, name, &set) && lk_permset_has(&set, 0));
	dot = memrchr(name.data, '.', name.n);
	if (dot == NULL)
		return;
	memcpy(wildcard, name.data, (size_t)(dot - name.data) + 1);
	wildcard[dot - name.data + 1] = '*';
	set = (struct lk_permset) { { 0 } };
	FUZZ_CHECK(lk_catalog_grant(&catalog, fuzz_text(wildcard), &set));
	FUZZ_CHECK(lk_permset_has(&set, 0));
}

static void check_scope(struct lk_bytes scope)
{
	static const char *const names[] = { "records.read", "records.write", "a.b.c", "a" };
	const struct lk_permset none = { { 0 } };
	struct lk_permset set = none;
	static struct lk_catalog catalog;

	for (size_t i = 0; catalog.n < LK_COUNT(names); i++)
		FUZZ_OK(lk_catalog_add(&catalog, fuzz_text(names[i])));
	FUZZ_CHECK(lk_catalog_grant(&catalog, scope, &set) == !lk_permset_contains(&none, &set));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const checks[])(struct lk_bytes text) = { check_key, check_id, check_address,
		check_network, check_permission, check_scope };
	struct lk_bytes text = { data, n };

	checks[fuzz_choice(&text, LK_COUNT(checks))](text);
	return 0;
}
