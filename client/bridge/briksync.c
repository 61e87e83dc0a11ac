/* SPDX-License-Identifier: MIT */
#include "client/bridge/rest_call.h"

#include <string.h>

#include "latchkey/rest/briksync.rpc.h"

/* Characters of a key that are shown. */
#define KEY_PREFIX_N 14

static briksync_api_key *api_key_new(struct lk_arena *arena, const lk_key *key)
{
	briksync_api_key *told = lk_arena_alloc(arena, sizeof *told);

	if (told == NULL)
		return NULL;
	*told = (briksync_api_key)BRIKSYNC_API_KEY_INIT;
	told->id = key->id;
	told->name = key->name;
	told->key_prefix = lk_arena_strndup(arena, key->hint, strnlen(key->hint, KEY_PREFIX_N));
	told->created_at = key->created_at;
	if (key->last_use != NULL)
		told->last_used_at = key->last_use->at;
	told->n_ip_allowlist = key->n_networks;
	told->ip_allowlist = key->networks;
	return told;
}

/* What the core calls networks is `ipAllowlist` here, or one `cidr`. */
static void fail(struct lk_rest_call *call, struct lk_status status, const char *networks)
{
	if (status.field != NULL && strncmp(status.field, "networks", strlen("networks")) == 0)
		status.field = networks;
	lk_rest_fail_status(call, status);
}

/* --- creating and looking --- */

static void created(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_create_key_response *response = (const lk_create_key_response *)message;
	briksync_create_api_key_response answer = BRIKSYNC_CREATE_API_KEY_RESPONSE_INIT;
	briksync_created_api_key told = BRIKSYNC_CREATED_API_KEY_INIT;

	if (status.code != LK_OK) {
		fail(call, status, "ip_allowlist");
		return;
	}
	told.id = response->key->id;
	told.name = response->key->name;
	told.key = response->secret;
	told.created_at = response->key->created_at;
	told.n_ip_allowlist = response->key->n_networks;
	told.ip_allowlist = response->key->networks;
	answer.data = &told;
	lk_rest_add_location(call, told.id);
	briksync_surface_create_api_key_answer(call, &answer);
}

/* A key may all that the realm's keys may: those who make them may everything, too. */
static void create_api_key(
	struct lk_rest_call *call, const briksync_create_api_key_request *request)
{
	char *all[] = { lk_rest_text("*") };
	lk_create_key_request ask = LK_CREATE_KEY_REQUEST_INIT;

	ask.realm = lk_rest_text(lk_rest_realm(call));
	ask.name = request->name;
	ask.n_scopes = 1;
	ask.scopes = all;
	ask.n_networks = request->n_ip_allowlist;
	ask.networks = request->ip_allowlist;
	lk_rest_call_service(
		call, &lk_key_service_methods[LK_KEY_SERVICE_CREATE_KEY], &ask.base, created);
}

static void listed(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_list_keys_response *response = (const lk_list_keys_response *)message;
	briksync_list_api_keys_response answer = BRIKSYNC_LIST_API_KEYS_RESPONSE_INIT;
	struct lk_arena *arena = lk_rest_arena(call);

	if (status.code != LK_OK) {
		lk_rest_fail_status(call, status);
		return;
	}
	answer.data = lk_arena_calloc(arena, response->n_keys + 1, sizeof(void *));
	for (size_t i = 0; answer.data != NULL && i < response->n_keys; i++)
		answer.data[answer.n_data++] = api_key_new(arena, response->keys[i]);
	briksync_surface_list_api_keys_answer(call, &answer);
}

static void list_api_keys(struct lk_rest_call *call, const briksync_list_api_keys_request *request)
{
	(void)request;
	lk_rest_list_keys(call, listed);
}

static void got(struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	briksync_api_key_response answer = BRIKSYNC_API_KEY_RESPONSE_INIT;
	const lk_key *key = lk_rest_got_key(call, status, message);

	if (key == NULL)
		return;
	answer.data = api_key_new(lk_rest_arena(call), key);
	briksync_surface_get_api_key_answer(call, &answer);
}

static void get_api_key(struct lk_rest_call *call, const briksync_get_api_key_request *request)
{
	lk_rest_get_key(call, request->id, got);
}

/* --- changing: a key that is still there gets other networks, or another name --- */

/* What is asked for, while the key is looked up. */
struct change {
	char *name;        /* "": as it is */
	size_t n_networks; /* 0: as they are */
	char **networks;
	const char *added;   /* one more; NULL: none */
	const char *removed; /* one less; NULL: none */
	const char *member;  /* what the client calls the networks */
};

static void send_key(struct lk_rest_call *call, const lk_key *key, const struct change *change)
{
	static const briksync_remove_ip_restriction_response gone =
		BRIKSYNC_REMOVE_IP_RESTRICTION_RESPONSE_INIT;
	briksync_api_key_response answer = BRIKSYNC_API_KEY_RESPONSE_INIT;

	answer.data = api_key_new(lk_rest_arena(call), key);
	if (change->removed != NULL)
		briksync_surface_remove_ip_restriction_answer(call, &gone);
	else if (change->added != NULL)
		briksync_surface_add_ip_restriction_answer(call, &answer);
	else
		briksync_surface_update_api_key_answer(call, &answer);
}

static void updated(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_update_key_response *response = (const lk_update_key_response *)message;
	const struct change *change = lk_rest_state(call);

	if (status.code != LK_OK)
		fail(call, status, change->member);
	else
		send_key(call, response->key, change);
}

/* The key's networks with one more or one less. False: there is none to take away. */
static bool change_networks(struct lk_arena *arena, const lk_key *key, struct change *change)
{
	size_t n = 0;

	change->networks = lk_arena_calloc(arena, key->n_networks + 1, sizeof(char *));
	for (size_t i = 0; change->networks != NULL && i < key->n_networks; i++)
		if (change->removed == NULL || strcmp(key->networks[i], change->removed) != 0)
			change->networks[n++] = key->networks[i];
	change->n_networks = n;
	if (change->removed != NULL)
		return n < key->n_networks;
	if (change->networks != NULL)
		change->networks[change->n_networks++] = lk_rest_text(change->added);
	return true;
}

static void send_change(struct lk_rest_call *call, const lk_key *key, struct change *change)
{
	char *paths[2];
	Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
	lk_update_key_request ask = LK_UPDATE_KEY_REQUEST_INIT;
	bool is_restriction = change->added != NULL || change->removed != NULL;

	if (is_restriction && !change_networks(lk_rest_arena(call), key, change)) {
		lk_rest_fail_status(call, LK_ERR(LK_NOT_FOUND, "the key has no such network"));
		return;
	}
	mask.paths = paths;
	if (change->name[0] != '\0')
		paths[mask.n_paths++] = lk_rest_text("name");
	if (is_restriction || change->n_networks > 0)
		paths[mask.n_paths++] = lk_rest_text("networks");
	ask.realm = lk_rest_text(lk_rest_realm(call));
	ask.id = key->id;
	ask.name = change->name;
	ask.n_networks = change->n_networks;
	ask.networks = change->networks;
	ask.update_mask = &mask;
	lk_rest_call_service(
		call, &lk_key_service_methods[LK_KEY_SERVICE_UPDATE_KEY], &ask.base, updated);
}

static void update_found(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	const lk_key *key = lk_rest_got_key(call, status, message);

	if (key != NULL)
		send_change(call, key, lk_rest_state(call));
}

static void change_key(struct lk_rest_call *call, char *id, struct change wanted)
{
	struct change *change = lk_arena_alloc(lk_rest_arena(call), sizeof *change);

	if (change == NULL) {
		lk_rest_fail_status(call, LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory"));
		return;
	}
	*change = wanted;
	lk_rest_set_state(call, change);
	lk_rest_get_key(call, id, update_found);
}

static void update_api_key(
	struct lk_rest_call *call, const briksync_update_api_key_request *request)
{
	if (request->name[0] == '\0' && request->n_ip_allowlist == 0)
		lk_rest_fail_http(call, 400, "name: it or ipAllowlist is needed");
	else
		change_key(call, request->id,
			(struct change) { .name = request->name,
				.n_networks = request->n_ip_allowlist,
				.networks = request->ip_allowlist,
				.member = "ip_allowlist" });
}

static void add_ip_restriction(
	struct lk_rest_call *call, const briksync_add_ip_restriction_request *request)
{
	change_key(call, request->id,
		(struct change) {
			.name = lk_rest_text(""), .added = request->cidr, .member = "cidr" });
}

static void remove_ip_restriction(
	struct lk_rest_call *call, const briksync_remove_ip_restriction_request *request)
{
	change_key(call, request->id,
		(struct change) {
			.name = lk_rest_text(""), .removed = request->cidr, .member = "cidr" });
}

static void revoked(
	struct lk_rest_call *call, struct lk_status status, const ProtobufCMessage *message)
{
	static const briksync_revoke_api_key_response answer =
		BRIKSYNC_REVOKE_API_KEY_RESPONSE_INIT;

	(void)message;
	if (status.code != LK_OK)
		lk_rest_fail_status(call, status);
	else
		briksync_surface_revoke_api_key_answer(call, &answer);
}

static void revoke_api_key(
	struct lk_rest_call *call, const briksync_revoke_api_key_request *request)
{
	lk_rest_revoke_key(call, request->id, revoked);
}

/* --- errors --- */

static int error_for(const struct lk_failure *failure)
{
	bool is_denied = failure->fault == LK_FAULT_DENIED;

	if ((is_denied && failure->reason == LK_DENY_REASON_PLAN_REQUIRED) ||
		(failure->fault == LK_FAULT_CALL && failure->status.reason == LK_PLAN_REQUIRED))
		return BRIKSYNC_ERROR_PLAN_UPGRADE_REQUIRED;
	/* From elsewhere: the document has 401 for it. */
	if (is_denied && failure->reason == LK_DENY_REASON_NETWORK_NOT_ALLOWED)
		return BRIKSYNC_ERROR_UNAUTHORIZED;
	return lk_rest_error_of(&briksync_surface, failure);
}

static const ProtobufCMessage *error_message(struct lk_arena *arena,
	const struct lk_rest_error *error, const char *why, const char *field)
{
	briksync_error_response *response = lk_arena_alloc(arena, sizeof *response);

	(void)field;
	if (response == NULL)
		return NULL;
	*response = (briksync_error_response)BRIKSYNC_ERROR_RESPONSE_INIT;
	response->error = lk_rest_text(why != NULL ? why : error->message);
	response->code = lk_rest_text(error->code);
	return &response->base;
}

static const struct briksync_surface_handlers handlers = {
	.list_api_keys = list_api_keys,
	.create_api_key = create_api_key,
	.get_api_key = get_api_key,
	.update_api_key = update_api_key,
	.revoke_api_key = revoke_api_key,
	.add_ip_restriction = add_ip_restriction,
	.remove_ip_restriction = remove_ip_restriction,
};

const struct lk_adapter lk_briksync = {
	.surface = &briksync_surface,
	.handlers = &handlers,
	.error_for = error_for,
	.error_message = error_message,
};
