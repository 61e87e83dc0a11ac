/* SPDX-License-Identifier: MIT */
#include "server/core/subject.h"

#include "server/core/call.h"
#include "server/core/key_text.h"

static struct lk_status denied(const char *why)
{
	return (struct lk_status) {
		.code = LK_PERMISSION_DENIED, .why = why, .reason = LK_SUBJECT_LACKS_PERMISSION
	};
}

/* A key that could make keys would outlive its own revocation. */
struct lk_status lk_subject_may(const struct lk_core_call *call, const struct lk_permset *wanted)
{
	if (call->subject == NULL)
		return LK_SUCCESS;
	if (!call->subject->is_session)
		return denied("this takes a session, not an API key");
	if (!lk_permset_contains(&call->subject->permissions, wanted))
		return denied("the end user lacks a permission");
	return LK_SUCCESS;
}

struct lk_status lk_subject_user(const struct lk_core_call *call, struct lk_key_id *user_id_out)
{
	static const struct lk_permset none;

	LK_TRY(lk_subject_may(call, &none));
	if (!lk_id_parse(LK_ID_USER, lk_bytes_of(call->subject->user_id), user_id_out))
		return denied("the session belongs to no user");
	return LK_SUCCESS;
}
