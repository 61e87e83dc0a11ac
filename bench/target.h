/* SPDX-License-Identifier: MIT */
/* What is measured: a latchkeyd of the bench's own in a directory that is deleted at the end,
 * or a server that runs already.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "proto/wire/rpc.h"

#define LK_TARGET_URL_MAX 160

struct lk_target {
	char directory[64]; /* of our own daemon; "" for a foreign server */
	char tcp_url[LK_TARGET_URL_MAX];
	char ipc_url[LK_TARGET_URL_MAX];
	char realm[64];
	char credential[LK_CREDENTIAL_MAX]; /* a service key; wiped at the end */
	unsigned http_port;                 /* of 127.0.0.1; 0: it serves no HTTP */
	pid_t daemon;                       /* 0: none of ours */
};

/* Starts a daemon with the realm `bench` for keys, others for people (`people` with
 * the default cost of passwords; with cheap ones `opaque`, `hs256`, `eddsa`, `cheap`, and `strict`,
 * where a refresh token is good once), and makes a service key over its operator socket.
 * `program` is the bench's own path; latchkeyd is beside it.
 * LK_UNAVAILABLE  it did not start; its log has been shown */
LK_MUST_USE struct lk_status lk_target_start(struct lk_target *target, const char *program);

/* The same, and the realm `bench` answers `/_latchkey/verify`, where GET of /records/... takes a
 * key with the permission records.read, and 127.0.0.1 is believed when it says what was asked. */
LK_MUST_USE struct lk_status lk_target_start_http(struct lk_target *target, const char *program);

/* Uses a server that runs; the service key is the first line of the file. Only one URL is set.
 * LK_INVALID_ARGUMENT  the file cannot be read, or the URL is neither tcp:// nor ipc:// */
LK_MUST_USE struct lk_status lk_target_use(
	struct lk_target *target, const char *url, const char *credential_file, const char *realm);

/* Stops our daemon and starts it again on the same data; tells the time from start to the
 * first answer. LK_UNAVAILABLE  it did not start */
LK_MUST_USE struct lk_status lk_target_restart(
	struct lk_target *target, const char *program, double *ready_s_out);

/* Kills our daemon without a warning (SIGKILL). */
void lk_target_kill(struct lk_target *target);

/* Stops our daemon, if it is ours, and deletes its directory. */
void lk_target_stop(struct lk_target *target);

/* Resident memory of our daemon in bytes, mapped files aside; 0 when it is not ours. */
uint64_t lk_target_resident(const struct lk_target *target);
