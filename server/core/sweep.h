/* SPDX-License-Identifier: MIT */
#pragma once

#include "server/store/txn.h"

/* Settles an expiry entry of whatever kind of row: an lk_sweep_fn; arg is not used. */
LK_MUST_USE struct lk_status lk_core_sweep(
	void *arg, struct lk_txn *txn, struct lk_bytes row, lk_time_ms now);
