/* SPDX-License-Identifier: MIT */
/* When each secret was used last, and from where.
 *
 * Noting a use costs a comparison, and once a second and secret a few stores: no lock to wait for
 * and no allocation. Times are kept beside the index's entries and are never lost while the
 * process lives, nor do they go back. Address and user agent are gathered in a table of fixed
 * size and may be dropped under pressure. A flusher writes both, outside the change log.
 */
#pragma once

#include "server/core/index.h"
#include "server/store/committer.h"

/* Longer user agents are cut at a character. */
#define LK_USER_AGENT_MAX 120

struct lk_usage;

LK_MUST_USE struct lk_status lk_usage_new(struct lk_usage **usage_out);
void lk_usage_free(struct lk_usage *usage);

/* Between lk_index_enter and lk_index_leave. An address that is not one is left out. */
void lk_usage_note(struct lk_usage *usage, const struct lk_hit *hit, struct lk_bytes client_address,
	struct lk_bytes user_agent, lk_time_ms now);

/* Writes what was noted since the flush before, at most 1,000 secrets a call; true in more_out
 * when there may be more. One thread at a time; not the committer's. Codes of
 * lk_committer_run; what could not be written is noted again, without
 * its address. Verification does not notice. */
LK_MUST_USE struct lk_status lk_usage_flush(struct lk_usage *usage, struct lk_index *index,
	struct lk_committer *committer, bool *more_out);
