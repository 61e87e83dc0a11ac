/* SPDX-License-Identifier: MIT */
/* The directory of an embedded store: whose it is, who has it open, and what it once held.
 *
 * Beside the engine's own files lie two of ours. `latchkey.state` is locked while the store is
 * open and holds the last acknowledged sequence number: it shows when a database has vanished
 * or has lost commits, which an engine that tolerates a cut log cannot tell. `latchkey.reserve`
 * is room to start with when the disk is full.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/status.h"

/* Takes a line of text for the operator: it may name paths and errors of the system. */
typedef void (*lk_store_report_fn)(void *arg, const char *text);

struct lk_directory_options {
	const char *path;          /* must outlive the directory */
	bool create;               /* the directory, when it is missing */
	lk_store_report_fn report; /* may be NULL */
	void *arg;
};

struct lk_directory {
	struct lk_directory_options options;
	int fd;
	int state_fd;
	bool is_used;              /* a database was here once */
	uint64_t acknowledged_seq; /* when it is used: the last one known */
};

/* Opens, checks and locks.
 *
 * LK_FAILED_PRECONDITION  missing, not ours alone (owner, mode 0700), or open elsewhere
 * LK_DATA_LOSS            the state file is damaged
 * LK_UNAVAILABLE          the system refused
 */
LK_MUST_USE struct lk_status lk_directory_open(
	const struct lk_directory_options *options, struct lk_directory *directory_out);
void lk_directory_close(struct lk_directory *directory);

bool lk_directory_has(const struct lk_directory *directory, const char *name);

/* Whether some file's name ends like this. */
bool lk_directory_has_suffix(const struct lk_directory *directory, const char *suffix);

/* Notes the last durable sequence number. Without `sync` it survives the process, not a power
 * cut; a note that lags is harmless, so a failure is not an error of the commit. */
bool lk_directory_acknowledge(struct lk_directory *directory, uint64_t seq, bool sync);

/* Allocates the reserve unless it is there. False, and it is gone, when the disk has no room for
 * twice as much. */
bool lk_directory_make_reserve(struct lk_directory *directory, size_t size);

/* Frees the reserve. False when there was none. */
bool lk_directory_free_reserve(struct lk_directory *directory);

/* Passes a line to `report`, which gets "<path>: <text>". */
__attribute__((format(printf, 2, 3))) void lk_directory_report(
	const struct lk_directory_options *options, const char *format, ...);
