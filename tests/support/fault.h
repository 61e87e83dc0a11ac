/* SPDX-License-Identifier: MIT */
/* A store that fails on demand, around any other one. */
#pragma once

#include "server/store/store.h"

/* Takes over `inner`. NULL without memory. */
struct lk_store *fault_store_new(struct lk_store *inner);

/* The nth call from now on (1 is the next) answers LK_UNAVAILABLE without reaching the store
 * inside; after a commit that failed, all do. 0 turns it off. Returns whether the fault set before
 * has fired. */
bool fault_store_fail_nth(struct lk_store *store, unsigned long nth);

/* The next n commits answer LK_ABORTED, as if another process had been quicker. */
void fault_store_abort_commits(struct lk_store *store, unsigned long n);

/* How many commits have reached the store inside. */
unsigned long fault_store_commits(struct lk_store *store);
