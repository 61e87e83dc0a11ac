/* SPDX-License-Identifier: MIT */
#include "server/rpc/audit.h"

#include "server/log.h"

static const char *const kinds[] = {
	[LK_AUDIT_KEY] = "key",
	[LK_AUDIT_SESSION] = "session",
	[LK_AUDIT_USER] = "user",
	[LK_AUDIT_ORGANIZATION] = "organization",
	[LK_AUDIT_OTHER] = "id",
};

struct lk_audit *lk_audit_begin(struct lk_call *call, const struct lk_audit *audit)
{
	struct lk_core_call core = lk_core_call_of(call);
	struct lk_audit *kept = lk_arena_alloc(call->arena, sizeof *kept);

	if (kept == NULL)
		return NULL;
	*kept = *audit;
	kept->services = call->context;
	kept->realm = core.realm;
	kept->caller = call->caller->is_operator ? "operator" : call->caller->key_id;
	kept->subject = call->subject != NULL ? call->subject->user_id : "";
	return kept;
}

static void deny(const struct lk_audit *audit, enum lk_entry_denial denial)
{
	if (audit->kind == LK_AUDIT_ORGANIZATION)
		lk_index_deny_organization(
			audit->services->index, audit->realm, lk_bytes_of(audit->id), denial);
	for (size_t i = 0; i < audit->n_ids; i++)
		if (audit->kind == LK_AUDIT_USER)
			lk_index_deny_user(
				audit->services->index, audit->realm, &audit->ids[i], denial);
		else
			lk_index_deny(audit->services->index, &audit->ids[i], denial);
}

/* A change that the index could not read back must not leave things as good as they were. */
void lk_audit_end(void *arg, struct lk_status outcome)
{
	const struct lk_audit *audit = arg;
	bool is_behind = lk_index_is_behind(audit->services->index);

	if (audit->revokes && (outcome.code != LK_OK || is_behind))
		deny(audit, LK_ENTRY_DENIED_AS_REVOKED);
	else if (outcome.code == LK_OK && is_behind)
		deny(audit, LK_ENTRY_DENIED_AS_STALE);
	lk_log(outcome.code == LK_OK ? LK_LOG_INFO : LK_LOG_ERROR, audit->event,
		LK_LOG_TEXT("realm", audit->realm->name),
		LK_LOG_TEXT(kinds[audit->kind], audit->id), LK_LOG_TEXT("caller", audit->caller),
		LK_LOG_TEXT("subject", audit->subject),
		LK_LOG_TEXT("outcome", lk_code_name(outcome.code)));
}

struct lk_status lk_audit_on_commit(struct lk_call *call, const struct lk_audit *audit)
{
	struct lk_audit *kept = lk_audit_begin(call, audit);

	if (kept == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "the call needs too much memory");
	call->on_commit = lk_audit_end;
	call->on_commit_arg = kept;
	return LK_SUCCESS;
}
