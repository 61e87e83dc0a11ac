/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/rpc/messages.h"

static char *copy_text(struct lk_arena *arena, const char *text)
{
	return lk_arena_strndup(arena, text, strlen(text));
}

lk_user *lk_user_message_new(struct lk_arena *arena, const struct lk_realm *realm,
	const struct lk_user_view *view, bool with_permissions)
{
	const struct lk_user_record *record = &view->record;
	struct lk_permset permissions = lk_user_permissions(realm, record);
	lk_user *user = lk_arena_alloc(arena, sizeof *user);
	const char **names;

	if (user == NULL)
		return NULL;
	*user = (lk_user)LK_USER_INIT;
	user->id = copy_text(arena, view->id);
	user->realm = lk_text_new(arena, record->realm);
	user->email = lk_text_new(arena, record->email);
	user->name = lk_text_new(arena, record->name);
	user->roles = lk_texts_new(arena, &record->roles, &user->n_roles);
	user->organization_id = lk_text_new(arena, record->organization_id);
	user->enabled = record->enabled;
	user->created_at = lk_timestamp_new(arena, record->created_ms);
	if (record->password_changed_ms != 0)
		user->password_changed_at = lk_timestamp_new(arena, record->password_changed_ms);
	if (view->last_sign_in_ms != 0)
		user->last_sign_in_at = lk_timestamp_new(arena, view->last_sign_in_ms);
	if (with_permissions &&
		lk_permission_names(realm, &permissions, arena, &names, &user->n_permissions)
				.code == LK_OK)
		user->permissions = (char **)(uintptr_t)names;
	return arena->exhausted ? NULL : user;
}

lk_session *lk_session_message_new(struct lk_arena *arena, const struct lk_session_view *view)
{
	const struct lk_session_record *record = &view->record;
	lk_session *session = lk_arena_alloc(arena, sizeof *session);

	if (session == NULL)
		return NULL;
	*session = (lk_session)LK_SESSION_INIT;
	session->id = copy_text(arena, view->id);
	session->realm = lk_text_new(arena, record->realm);
	session->user_id = copy_text(arena, view->user_id);
	session->created_at = lk_timestamp_new(arena, record->created_ms);
	session->expires_at = lk_timestamp_new(arena, record->expires_ms);
	session->client_address = lk_text_new(arena, record->client_address);
	session->user_agent = lk_text_new(arena, record->user_agent);
	if (view->last_seen_ms != 0)
		session->last_seen_at = lk_timestamp_new(arena, view->last_seen_ms);
	session->last_client_address = lk_text_new(arena, view->last_client_address);
	session->current = view->is_current;
	return arena->exhausted ? NULL : session;
}

lk_organization *lk_organization_message_new(
	struct lk_arena *arena, const struct lk_organization_record *record)
{
	lk_organization *organization = lk_arena_alloc(arena, sizeof *organization);

	if (organization == NULL)
		return NULL;
	*organization = (lk_organization)LK_ORGANIZATION_INIT;
	organization->id = lk_text_new(arena, record->id);
	organization->realm = lk_text_new(arena, record->realm);
	organization->plan = lk_text_new(arena, record->plan);
	organization->enabled = record->enabled;
	organization->created_at = lk_timestamp_new(arena, record->created_ms);
	return arena->exhausted ? NULL : organization;
}

lk_tokens *lk_tokens_message_new(struct lk_arena *arena, const struct lk_tokens *tokens)
{
	lk_tokens *message = lk_arena_alloc(arena, sizeof *message);

	if (message == NULL)
		return NULL;
	*message = (lk_tokens)LK_TOKENS_INIT;
	message->access_token = copy_text(arena, tokens->access);
	message->access_expires_at = lk_timestamp_new(arena, tokens->access_expires_ms);
	message->refresh_token = copy_text(arena, tokens->refresh.text);
	if (tokens->refresh.text[0] != '\0')
		message->refresh_expires_at = lk_timestamp_new(arena, tokens->refresh_expires_ms);
	return arena->exhausted ? NULL : message;
}
