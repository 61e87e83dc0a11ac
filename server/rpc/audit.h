/* SPDX-License-Identifier: MIT */
/* What has to follow a change: a line in the log, and, where the index could not follow, a denial,
 * so that nobody who asked for less goes on with more. */
#pragma once

#include "server/rpc/services.h"

/* What was changed. */
enum lk_audit_kind {
	LK_AUDIT_KEY,
	LK_AUDIT_SESSION,
	LK_AUDIT_USER,
	LK_AUDIT_ORGANIZATION,
	LK_AUDIT_OTHER,
};

struct lk_audit {
	const char *event; /* a few fixed words */
	enum lk_audit_kind kind;
	const char *id; /* of it, as text; an organisation is denied by it if need be */
	/* The ids of keys or sessions, or of one user: what the index denies if need be. */
	const struct lk_key_id *ids;
	size_t n_ids;
	/* It takes something away: it is denied as if the change had been made even when that
	 * failed. */
	bool revokes;

	/* Filled in by lk_audit_begin. */
	struct lk_services *services;
	const struct lk_realm *realm;
	const char *caller;
	const char *subject;
};

/* Keeps a copy with the call. Its texts and ids outlive the call's commit. NULL, with the arena
 * exhausted, when it does not fit. */
struct lk_audit *lk_audit_begin(struct lk_call *call, const struct lk_audit *audit);

/* With the outcome of the commit; `arg` is what lk_audit_begin gave. */
void lk_audit_end(void *arg, struct lk_status outcome);

/* For a handler of the WRITE lane: lk_audit_end follows its commit. LK_RESOURCE_EXHAUSTED. */
LK_MUST_USE struct lk_status lk_audit_on_commit(struct lk_call *call, const struct lk_audit *audit);
