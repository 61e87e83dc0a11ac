/* SPDX-License-Identifier: MIT */
/* UserService. CreateUser and SetPassword run in the lane HASH: the password first, then the change
 * through the committer. */
#include <string.h>

#include "latchkey/v1/user.rpc.h"
#include "server/core/sign_in.h"
#include "server/rpc/audit.h"
#include "server/rpc/messages.h"

#define NO_ROOM LK_ERR(LK_RESOURCE_EXHAUSTED, "the call needs too much memory")

static struct lk_status answer_user(struct lk_call *call, const struct lk_realm *realm,
	const struct lk_user_view *view, lk_user **user_out)
{
	*user_out = lk_user_message_new(call->arena, realm, view, true);
	return *user_out != NULL ? LK_SUCCESS : NO_ROOM;
}

static struct lk_audit audit_of_user(
	const char *event, const struct lk_user_view *view, bool revokes)
{
	return (struct lk_audit) {
		.event = event,
		.kind = LK_AUDIT_USER,
		.id = view->id,
		.ids = &view->record.id,
		.n_ids = 1,
		.revokes = revokes,
	};
}

/* --- passwords --- */

/* The hash of a password that the realm takes, in the arena. */
static struct lk_status hash_password(struct lk_call *call, const struct lk_realm *realm,
	const struct lk_user_record *user, const char *password, const char **hash_out)
{
	char *hash = lk_arena_alloc(call->arena, LK_PASSWORD_HASH_SIZE);

	if (hash == NULL)
		return NO_ROOM;
	LK_TRY(lk_password_check(realm, user->email, user->name, password));
	LK_TRY(lk_password_hash(lk_bytes_of(password), &realm->passwords.cost, hash));
	*hash_out = hash;
	return LK_SUCCESS;
}

/* --- CreateUser --- */

struct creation {
	struct lk_call *call;
	struct lk_core_call core;
	struct lk_user_spec spec;
	struct lk_user_view view;
	lk_create_user_response *response;
};

static struct lk_status create(void *arg, struct lk_txn *txn)
{
	struct creation *creation = arg;

	LK_TRY(lk_users_create(&creation->core, txn, &creation->spec, &creation->view));
	return answer_user(
		creation->call, creation->core.realm, &creation->view, &creation->response->user);
}

static struct lk_status read_password(
	struct creation *creation, const lk_create_user_request *request)
{
	const struct lk_realm *realm = creation->core.realm;
	struct lk_user_record user = { .name = lk_bytes_of(request->name) };

	creation->spec.password_hash = request->password_hash;
	if (request->password_hash[0] != '\0') {
		if (request->password[0] != '\0')
			return LK_BAD_FIELD("password_hash", "stands beside a password");
		return lk_password_hash_check(request->password_hash, &realm->passwords.cap);
	}
	if (request->password[0] == '\0')
		return LK_SUCCESS;
	LK_TRY(lk_email_canonical(request->email, creation->call->arena, &user.email));
	return hash_password(
		creation->call, realm, &user, request->password, &creation->spec.password_hash);
}

static struct lk_status create_user(struct lk_call *call, const lk_create_user_request *request,
	lk_create_user_response *response)
{
	struct creation *creation = lk_arena_calloc(call->arena, 1, sizeof *creation);
	struct lk_audit *audit;
	struct lk_status st;

	if (creation == NULL)
		return NO_ROOM;
	creation->call = call;
	creation->core = lk_core_call_of(call);
	creation->response = response;
	creation->spec = (struct lk_user_spec) {
		.email = request->email,
		.name = request->name,
		.roles = (const char *const *)request->roles,
		.n_roles = request->n_roles,
		.organization_id = request->organization_id,
		.is_disabled = request->disabled,
	};
	LK_TRY(read_password(creation, request));
	audit = lk_audit_begin(call, &(struct lk_audit) {
					     .event = "user created",
					     .kind = LK_AUDIT_USER,
					     .id = creation->view.id,
				     });
	if (audit == NULL)
		return NO_ROOM;
	st = lk_call_commit(call, create, creation, &response->base);
	if (call->replay == NULL && creation->view.id[0] != '\0')
		lk_audit_end(audit, st);
	return st;
}

/* --- SetPassword --- */

struct password_change {
	struct lk_core_call core;
	struct lk_key_id user_id;
	const char *hash;
	const struct lk_key_id *except; /* the session that asks */
	struct lk_ended ended;
	lk_set_password_response *response;
};

static struct lk_status change_password(void *arg, struct lk_txn *txn)
{
	struct password_change *change = arg;

	change->ended.n = 0;
	LK_TRY(lk_users_set_password_hash(
		&change->core, txn, &change->user_id, change->hash, (struct lk_bytes) { NULL, 0 }));
	LK_TRY(lk_sessions_end_all(
		&change->core, txn, &change->user_id, change->except, &change->ended));
	change->response->sessions_ended = (int32_t)change->ended.n;
	return LK_SUCCESS;
}

/* Somebody who found a session open must not be able to take the account over. */
static struct lk_status check_current(struct lk_call *call, const struct lk_core_call *core,
	const struct lk_key_id *user_id, const char *password)
{
	struct lk_services *services = call->context;
	const struct lk_sign_in_attempt attempt = {
		.password = password,
		.client = { .address = lk_bytes_of(call->subject->client_address) },
	};
	struct lk_sign_in *step = lk_arena_calloc(call->arena, 1, sizeof *step);

	if (step == NULL)
		return NO_ROOM;
	if (password[0] == '\0')
		return LK_BAD_FIELD("current_password", "the current password is needed");
	LK_TRY(lk_sign_in_find_user(core, services->store, user_id, &attempt, step));
	return lk_sign_in_judge(core, services->guesses, password, step);
}

static struct lk_status set_password(struct lk_call *call, const lk_set_password_request *request,
	lk_set_password_response *response)
{
	struct password_change *change = lk_arena_calloc(call->arena, 1, sizeof *change);
	struct lk_services *services = call->context;
	struct lk_audit *audit;
	struct lk_user_view user;
	struct lk_status st;

	if (change == NULL)
		return NO_ROOM;
	/* Once it is done, the current password is no longer the one that was given. */
	LK_TRY(lk_call_recall(call));
	if (call->replay != NULL)
		return LK_SUCCESS;
	change->core = lk_core_call_of(call);
	change->response = response;
	LK_TRY(lk_users_get(&change->core, services->store, request->user_id, "", &user));
	change->user_id = user.record.id;
	if (call->subject != NULL) {
		change->except = &call->subject->id;
		LK_TRY(check_current(
			call, &change->core, &change->user_id, request->current_password));
	}
	LK_TRY(hash_password(
		call, change->core.realm, &user.record, request->password, &change->hash));
	audit = lk_audit_begin(
		call, &(struct lk_audit) {
			      .event = "password set",
			      .kind = LK_AUDIT_SESSION,
			      .id = lk_arena_strndup(call->arena, user.id, strlen(user.id)),
			      .revokes = true,
		      });
	if (audit == NULL || audit->id == NULL)
		return NO_ROOM;
	st = lk_call_commit(call, change_password, change, &response->base);
	audit->ids = change->ended.ids;
	audit->n_ids = change->ended.n;
	if (call->replay == NULL)
		lk_audit_end(audit, st);
	return st;
}

/* --- users --- */

static struct lk_status get_user(
	struct lk_call *call, const lk_get_user_request *request, lk_get_user_response *response)
{
	struct lk_services *services = call->context;
	struct lk_core_call core = lk_core_call_of(call);
	struct lk_user_view view;

	LK_TRY(lk_users_get(&core, services->store, request->id, request->email, &view));
	return answer_user(call, core.realm, &view, &response->user);
}

static struct lk_status list_users(struct lk_call *call, const lk_list_users_request *request,
	lk_list_users_response *response)
{
	struct lk_services *services = call->context;
	struct lk_core_call core = lk_core_call_of(call);
	const struct lk_users_query query = {
		.page_size = request->page_size,
		.page_token = request->page_token,
		.organization_id = request->organization_id,
	};
	struct lk_users_page page;

	LK_TRY(lk_users_list(&core, services->store, &query, &page));
	response->users = lk_arena_calloc(call->arena, page.n, sizeof *response->users);
	if (response->users == NULL)
		return NO_ROOM;
	for (size_t i = 0; i < page.n; i++)
		response->users[i] =
			lk_user_message_new(call->arena, core.realm, &page.items[i], false);
	response->n_users = page.n;
	response->next_page_token = (char *)(uintptr_t)page.next_token;
	return call->arena->exhausted ? NO_ROOM : LK_SUCCESS;
}

static const struct lk_mask_path user_paths[] = {
	{ "email", LK_USER_FIELD_EMAIL },
	{ "name", LK_USER_FIELD_NAME },
	{ "roles", LK_USER_FIELD_ROLES },
	{ "organization_id", LK_USER_FIELD_ORGANIZATION },
	{ "enabled", LK_USER_FIELD_ENABLED },
};

static struct lk_status update_user(struct lk_call *call, const lk_update_user_request *request,
	lk_update_user_response *response)
{
	struct lk_core_call core = lk_core_call_of(call);
	struct lk_user_view *view = lk_arena_calloc(call->arena, 1, sizeof *view);
	struct lk_user_update update = {
		.id = request->id,
		.enabled = request->enabled,
		.spec = {
			.email = request->email,
			.name = request->name,
			.roles = (const char *const *)request->roles,
			.n_roles = request->n_roles,
			.organization_id = request->organization_id,
			.password_hash = "",
		},
	};
	struct lk_audit audit;

	if (view == NULL)
		return NO_ROOM;
	LK_TRY(lk_mask_read(
		request->update_mask, user_paths, LK_COUNT(user_paths), &update.fields));
	LK_TRY(lk_users_update(&core, call->txn, &update, view));
	LK_TRY(answer_user(call, core.realm, view, &response->user));
	audit = audit_of_user("user updated", view,
		(update.fields & LK_USER_FIELD_ENABLED) != 0 && !update.enabled);
	return lk_audit_on_commit(call, &audit);
}

/* --- sessions --- */

static struct lk_status list_sessions(struct lk_call *call, const lk_list_sessions_request *request,
	lk_list_sessions_response *response)
{
	struct lk_services *services = call->context;
	struct lk_core_call core = lk_core_call_of(call);
	const struct lk_sessions_query query = {
		.user_id = request->user_id,
		.page_size = request->page_size,
		.page_token = request->page_token,
	};
	struct lk_sessions_page page;

	LK_TRY(lk_sessions_list(&core, services->store, &query, &page));
	response->sessions = lk_arena_calloc(call->arena, page.n, sizeof *response->sessions);
	if (response->sessions == NULL)
		return NO_ROOM;
	for (size_t i = 0; i < page.n; i++)
		response->sessions[i] = lk_session_message_new(call->arena, &page.items[i]);
	response->n_sessions = page.n;
	response->next_page_token = (char *)(uintptr_t)page.next_token;
	return call->arena->exhausted ? NO_ROOM : LK_SUCCESS;
}

static struct lk_status end_session(struct lk_call *call, const lk_end_session_request *request,
	lk_end_session_response *response)
{
	struct lk_core_call core = lk_core_call_of(call);
	struct lk_key_id *id = lk_arena_alloc(call->arena, sizeof *id);
	bool ended;

	(void)response;
	if (id == NULL)
		return NO_ROOM;
	if (!lk_id_parse(LK_ID_SESSION, lk_bytes_of(request->id), id))
		return LK_ERR(LK_NOT_FOUND, "there is no such session");
	LK_TRY(lk_sessions_end(&core, call->txn, id, &ended));
	if (!ended)
		return LK_SUCCESS;
	return lk_audit_on_commit(call, &(struct lk_audit) {
						.event = "session ended",
						.kind = LK_AUDIT_SESSION,
						.id = request->id,
						.ids = id,
						.n_ids = 1,
						.revokes = true,
					});
}

static struct lk_status end_sessions(struct lk_call *call, const lk_end_sessions_request *request,
	lk_end_sessions_response *response)
{
	struct lk_core_call core = lk_core_call_of(call);
	struct lk_key_id user_id;
	struct lk_ended ended;

	if (call->subject != NULL)
		LK_TRY(lk_subject_user(&core, &user_id));
	else if (!lk_id_parse(LK_ID_USER, lk_bytes_of(request->user_id), &user_id))
		return LK_ERR(LK_NOT_FOUND, "there is no such user");
	LK_TRY(lk_sessions_end_all(&core, call->txn, &user_id, NULL, &ended));
	response->sessions_ended = (int32_t)ended.n;
	return lk_audit_on_commit(call,
		&(struct lk_audit) {
			.event = "sessions ended",
			.kind = LK_AUDIT_SESSION,
			.id = call->subject != NULL ? call->subject->user_id : request->user_id,
			.ids = ended.ids,
			.n_ids = ended.n,
			.revokes = true,
		});
}

/* --- organisations --- */

static const struct lk_mask_path organization_paths[] = {
	{ "plan", LK_ORGANIZATION_FIELD_PLAN },
	{ "enabled", LK_ORGANIZATION_FIELD_ENABLED },
};

static struct lk_status set_organization(struct lk_call *call,
	const lk_set_organization_request *request, lk_set_organization_response *response)
{
	struct lk_core_call core = lk_core_call_of(call);
	struct lk_organization_change change = {
		.id = request->id,
		.plan = request->plan,
		.enabled = request->enabled,
	};
	struct lk_organization_record record;

	LK_TRY(lk_mask_read(request->update_mask, organization_paths, LK_COUNT(organization_paths),
		&change.fields));
	LK_TRY(lk_organizations_set(&core, call->txn, &change, &record));
	response->organization = lk_organization_message_new(call->arena, &record);
	if (response->organization == NULL)
		return NO_ROOM;
	return lk_audit_on_commit(
		call, &(struct lk_audit) {
			      .event = "organization set",
			      .kind = LK_AUDIT_ORGANIZATION,
			      .id = request->id,
			      .revokes = (change.fields & LK_ORGANIZATION_FIELD_ENABLED) != 0 &&
					 !change.enabled,
		      });
}

static struct lk_status get_organization(struct lk_call *call,
	const lk_get_organization_request *request, lk_get_organization_response *response)
{
	struct lk_services *services = call->context;
	struct lk_core_call core = lk_core_call_of(call);
	struct lk_organization_record record;

	LK_TRY(lk_organizations_get(&core, services->store, request->id, &record));
	response->organization = lk_organization_message_new(call->arena, &record);
	return response->organization != NULL ? LK_SUCCESS : NO_ROOM;
}

static struct lk_status list_organizations(struct lk_call *call,
	const lk_list_organizations_request *request, lk_list_organizations_response *response)
{
	struct lk_services *services = call->context;
	struct lk_core_call core = lk_core_call_of(call);
	struct lk_organizations_page page;

	LK_TRY(lk_organizations_list(
		&core, services->store, request->page_size, request->page_token, &page));
	response->organizations =
		lk_arena_calloc(call->arena, page.n + 1, sizeof *response->organizations);
	for (size_t i = 0; response->organizations != NULL && i < page.n; i++)
		response->organizations[response->n_organizations++] =
			lk_organization_message_new(call->arena, &page.items[i]);
	response->next_page_token = (char *)(uintptr_t)page.next_token;
	return call->arena->exhausted ? NO_ROOM : LK_SUCCESS;
}

/* --- limits --- */

static struct lk_status reset_limits(struct lk_call *call,
	const lk_reset_sign_in_limits_request *request, lk_reset_sign_in_limits_response *response)
{
	struct lk_services *services = call->context;
	struct lk_core_call core = lk_core_call_of(call);
	bool has_address = request->client_address[0] != '\0';
	struct lk_bytes email = { NULL, 0 };
	struct lk_address address;

	(void)response;
	if (request->email[0] != '\0')
		LK_TRY(lk_email_canonical(request->email, call->arena, &email));
	else if (!has_address)
		return LK_BAD_FIELD("email", "an email or a client address is needed");
	if (has_address && !lk_address_parse(lk_bytes_of(request->client_address), &address))
		return LK_BAD_FIELD("client_address", "this is no IP address");
	lk_guesses_reset(
		services->guesses, lk_call_realm_name(&core), email, has_address ? &address : NULL);
	return lk_audit_on_commit(call, &(struct lk_audit) {
						.event = "sign-in limits reset",
						.kind = LK_AUDIT_OTHER,
						.id = request->client_address,
					});
}

const struct lk_user_service_handlers lk_user_handlers = {
	.create_user = create_user,
	.get_user = get_user,
	.list_users = list_users,
	.update_user = update_user,
	.set_password = set_password,
	.list_sessions = list_sessions,
	.end_session = end_session,
	.end_sessions = end_sessions,
	.set_organization = set_organization,
	.get_organization = get_organization,
	.list_organizations = list_organizations,
	.reset_sign_in_limits = reset_limits,
};
