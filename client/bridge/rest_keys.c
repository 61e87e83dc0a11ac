/* SPDX-License-Identifier: MIT */
/* The calls that surfaces make alike for a person's keys. What was revoked is no longer there. */
#include <string.h>

#include "client/bridge/rest_call.h"

#define PAGE 100

void lk_rest_get_key(struct lk_rest_call *call, char *id, lk_rest_next_fn next)
{
	lk_get_key_request ask = LK_GET_KEY_REQUEST_INIT;

	ask.realm = lk_rest_text(lk_rest_realm(call));
	ask.id = id;
	lk_rest_call_service(
		call, &lk_key_service_methods[LK_KEY_SERVICE_GET_KEY], &ask.base, next);
}

lk_key *lk_rest_got_key(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_get_key_response *response = (const lk_get_key_response *)message;

	if (status.code == LK_OK && response->key->state == LK_KEY_STATE_REVOKED)
		status = LK_ERR(LK_NOT_FOUND, "the key was revoked");
	if (status.code == LK_OK)
		return response->key;
	lk_rest_fail_status(call, status);
	return NULL;
}

struct revoking {
	lk_rest_next_fn next;
};

/* To the core, revoking twice is fine; here the second time finds nothing. */
static void revoke_found(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_key *key = lk_rest_got_key(call, status, message);
	lk_revoke_key_request ask = LK_REVOKE_KEY_REQUEST_INIT;
	const struct revoking *revoking;

	if (key == NULL)
		return;
	revoking = lk_rest_state(call);
	ask.realm = lk_rest_text(lk_rest_realm(call));
	ask.id = key->id;
	lk_rest_call_service(call, &lk_key_service_methods[LK_KEY_SERVICE_REVOKE_KEY], &ask.base,
		revoking->next);
}

void lk_rest_revoke_key(struct lk_rest_call *call, char *id, lk_rest_next_fn next)
{
	struct revoking *revoking = lk_arena_alloc(lk_rest_arena(call), sizeof *revoking);

	if (revoking == NULL) {
		lk_rest_fail_status(call, LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory"));
		return;
	}
	revoking->next = next;
	lk_rest_set_state(call, revoking);
	lk_rest_get_key(call, id, revoke_found);
}

/* --- all of them --- */

struct listing {
	lk_list_keys_response all;
	size_t room;
	char *page_token;
	lk_rest_next_fn next;
};

static void ask_for_page(struct lk_rest_call *call);

static bool add_page(
	struct lk_arena *arena, const lk_list_keys_response *page, struct listing *listing)
{
	lk_list_keys_response *all = &listing->all;
	lk_key **keys;

	if (all->n_keys + page->n_keys > listing->room) {
		listing->room = 2 * (all->n_keys + page->n_keys);
		keys = lk_arena_calloc(arena, listing->room, sizeof(void *));
		if (keys == NULL)
			return false;
		if (all->n_keys > 0)
			memcpy(keys, all->keys, all->n_keys * sizeof *keys);
		all->keys = keys;
	}
	for (size_t i = 0; i < page->n_keys; i++)
		if (page->keys[i]->state != LK_KEY_STATE_REVOKED)
			all->keys[all->n_keys++] = page->keys[i];
	listing->page_token = page->next_page_token;
	return true;
}

static void got_page(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	struct listing *listing = lk_rest_state(call);

	if (status.code == LK_OK &&
		!add_page(lk_rest_arena(call), (const lk_list_keys_response *)message, listing))
		status = LK_ERR(LK_RESOURCE_EXHAUSTED, "the list needs too much memory");
	if (status.code == LK_OK && listing->page_token[0] != '\0')
		ask_for_page(call);
	else
		listing->next(call, status, status.code == LK_OK ? &listing->all.base : NULL);
}

static void ask_for_page(struct lk_rest_call *call)
{
	const struct listing *listing = lk_rest_state(call);
	lk_list_keys_request ask = LK_LIST_KEYS_REQUEST_INIT;

	ask.realm = lk_rest_text(lk_rest_realm(call));
	ask.page_size = PAGE;
	ask.page_token = listing->page_token;
	lk_rest_call_service(
		call, &lk_key_service_methods[LK_KEY_SERVICE_LIST_KEYS], &ask.base, got_page);
}

void lk_rest_list_keys(struct lk_rest_call *call, lk_rest_next_fn next)
{
	struct listing *listing = lk_arena_calloc(lk_rest_arena(call), 1, sizeof *listing);

	if (listing == NULL) {
		lk_rest_fail_status(call, LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory"));
		return;
	}
	listing->all = (lk_list_keys_response)LK_LIST_KEYS_RESPONSE_INIT;
	listing->page_token = lk_rest_text("");
	listing->next = next;
	lk_rest_set_state(call, listing);
	ask_for_page(call);
}
