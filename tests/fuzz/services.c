/* SPDX-License-Identifier: MIT */
/* Request frames to the services of latchkey.v1, over a store in memory.
 *
 * Input: one byte, odd for the operator's socket, then up to 8 frames, each led by its length in
 * two bytes; the last one may be cut. Each input has a new server whose store holds one key of
 * the realm `crm`, a service key that may do everything, and the people of people.h. Invariants:
 * those of fuzz_serve; the index never holds a record that it cannot read, nor lags behind the
 * store; and in the end all that ends can be swept, with no entry of the sweeper left.
 */
#include "server/core/sweep.h"
#include "server/log.h"
#include "server/rpc/descriptors.h"
#include "server/rpc/services.h"
#include "server/store/store_mem.h"
#include "server/store/sweeper.h"
#include "tests/fuzz/people.h"
#include "tests/fuzz/serving.h"

#define NOW PEOPLE_NOW
#define FRAMES_MAX 8

/* No time that a client can name is as late. */
#define FOREVER_MS ((lk_time_ms)8000 * 366 * 24 * 3600 * 1000)

/* The secrets of the two keys; their ids are 16 times 1 and 16 times 2. */
#define CRM_SECRET "crm_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA02r8dB"
#define SERVICE_SECRET "latchkey_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA22I3BT"

static const struct lk_peppers peppers = { .items = { { 1, { 42 } } }, .n = 1 };

struct node {
	struct lk_store *store;
	struct lk_realms *realms;
	struct lk_index *index;
	struct lk_committer *committer;
	struct lk_proofs *proofs;
	struct lk_guesses *guesses;
	struct lk_services services;
	struct lk_authorizer authorizer;
	struct fuzz_served served;
};

static lk_time_ms now(void)
{
	return NOW;
}

/* Stands still: no deadline passes. */
static uint64_t mono_us(void)
{
	return 1000000;
}

static void put_key(struct lk_txn *txn, const char *realm, const char *secret, uint8_t id)
{
	const struct lk_bytes all = fuzz_text("*");
	struct lk_key_record record = {
		.realm = fuzz_text(realm),
		.name = fuzz_text("key"),
		.user_id = fuzz_text("u_1"),
		.scopes = { &all, 1 },
		.realms = { &all, strcmp(realm, LK_REALM_BUILTIN) == 0 },
		.enabled = true,
		.created_ms = NOW - 1000,
		.current = { 1, { 0 }, 1, fuzz_text("AAAAAAA"), NOW - 1000, 0 },
	};
	struct lk_digest digest;
	struct lk_bytes value;
	struct lk_arena arena;
	struct lk_row row;

	lk_arena_init(&arena, (size_t)1 << 16);
	memset(record.id.bytes, id, sizeof record.id.bytes);
	lk_digest_make(&peppers.items[0], record.realm, fuzz_text(secret), &digest);
	memcpy(record.current.digest, digest.bytes, sizeof digest.bytes);
	row = lk_row_of_key(record.realm, &record.id);
	FUZZ_OK(lk_key_record_encode(&record, &arena, &value));
	FUZZ_OK(lk_txn_put(txn, lk_row_bytes(&row), value, true));
	row = lk_row_of_user_key(record.realm, record.user_id, &record.id);
	FUZZ_OK(lk_txn_put(txn, lk_row_bytes(&row), (struct lk_bytes) { NULL, 0 }, false));
	lk_arena_fini(&arena);
}

static void populate(struct lk_store *store)
{
	struct lk_txn *txn;
	uint64_t seq;

	FUZZ_OK(lk_txn_new(store, &txn));
	put_key(txn, "crm", CRM_SECRET, 1);
	put_key(txn, LK_REALM_BUILTIN, SERVICE_SECRET, 2);
	people_put(txn, &peppers);
	FUZZ_OK(lk_txn_commit(txn, &seq));
	lk_txn_free(txn);
}

static void on_commit(void *arg, uint64_t seq)
{
	struct node *node = arg;

	FUZZ_OK(lk_index_catch_up(node->index, node->store, seq));
}

static void open_node(struct node *node)
{
	const struct lk_committer_options committer = {
		.store = node->store, .on_commit = on_commit, .arg = node
	};
	struct lk_server_options options = {
		.bindings = node->services.bindings,
		.n_bindings = LK_SERVICES_N,
		.authorizer = &node->authorizer,
		.peppers = &peppers,
		.now = now,
		.mono_us = mono_us,
	};

	FUZZ_OK(lk_realms_new(people_realms, PEOPLE_REALMS, NULL, &node->realms));
	FUZZ_OK(lk_index_new(node->realms, &peppers, &node->index));
	FUZZ_OK(lk_index_load(node->index, node->store));
	FUZZ_OK(lk_committer_start(&committer, &node->committer));
	FUZZ_OK(lk_proofs_new(16, &node->proofs));
	FUZZ_OK(lk_guesses_new(&peppers, &node->guesses));
	options.committer = node->committer;
	node->services = (struct lk_services) {
		.verifier = { .index = node->index, .peppers = &peppers, .proofs = node->proofs },
		.index = node->index,
		.store = node->store,
		.committer = node->committer,
		.peppers = &peppers,
		.guesses = node->guesses,
		.descriptor_set = lk_descriptor_set(),
	};
	node->authorizer = lk_services_authorizer(&node->services);
	lk_services_bind(&node->services);
	FUZZ_OK(lk_server_new(&options, &node->served.server));
	node->services.server = node->served.server;
	node->served.bindings = node->services.bindings;
	node->served.n_bindings = LK_SERVICES_N;
}

static bool note_row(void *arg, struct lk_bytes key, struct lk_bytes value, uint64_t seq)
{
	(void)key;
	(void)value;
	(void)seq;
	*(bool *)arg = true;
	return false;
}

/* Long after everything has ended. */
static void sweep_all(struct node *node)
{
	const struct lk_sweeper sweeper = {
		.store = node->store, .committer = node->committer, .sweep = lk_core_sweep
	};
	const struct lk_row entries = lk_row_of_expiries();
	struct lk_sweep_counts counts;
	bool is_left = false;

	FUZZ_OK(lk_counters_flush(lk_guesses_counters(node->guesses), node->committer, NOW));
	FUZZ_OK(lk_sweeper_run(&sweeper, NOW + FOREVER_MS, &counts));
	FUZZ_CHECK(counts.failed == 0);
	FUZZ_OK(lk_store_scan(node->store, lk_row_bytes(&entries), (struct lk_bytes) { NULL, 0 }, 1,
		note_row, &is_left));
	FUZZ_CHECK(!is_left);
}

static void close_node(struct node *node)
{
	lk_server_free(node->served.server);
	sweep_all(node);
	lk_committer_stop(node->committer);
	FUZZ_CHECK(lk_index_stats(node->index).unreadable == 0);
	FUZZ_CHECK(!lk_index_is_behind(node->index));
	lk_index_free(node->index);
	lk_proofs_free(node->proofs);
	lk_guesses_free(node->guesses);
	lk_realms_free(node->realms);
	lk_store_close(node->store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lk_bytes input = { data, n };
	bool is_operator = fuzz_choice(&input, 2) == 1;
	struct lk_cursor cursor = lk_cursor_over(input);
	struct node node = { 0 };

	lk_log_configure(LK_LOG_ERROR, LK_LOG_TEXT_FORMAT);
	FUZZ_OK(lk_crypto_init());
	FUZZ_OK(lk_store_mem_open(&node.store));
	populate(node.store);
	open_node(&node);
	for (unsigned i = 0; i < FRAMES_MAX && cursor.at < cursor.end; i++) {
		size_t left, frame_n = lk_cursor_u16(&cursor);

		left = (size_t)(cursor.end - cursor.at);
		fuzz_serve(&node.served, lk_cursor_take(&cursor, frame_n < left ? frame_n : left),
			is_operator);
	}
	close_node(&node);
	return 0;
}
