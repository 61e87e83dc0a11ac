/* SPDX-License-Identifier: MIT */
/* What a command of `latchkey-bench` was asked to do. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct lk_bench_options {
	const char *program; /* the bench's own path */
	const char *server;  /* NULL: a daemon of our own */
	const char *credential_file;
	const char *realm;
	const char *transport; /* of our own daemon: "tcp" or "ipc" */
	unsigned long keys;
	unsigned long in_flight;
	unsigned long duration_ms; /* of one round */
	unsigned long rounds;
	unsigned long miss_percent;
	double per_second; /* 0: closed loop */
	bool is_zipf;
	const char *credential; /* "key", "session", "hs256", "eddsa" */
	bool first;             /* each credential once */
	bool compare;
	double times_capacity; /* of a storm of sign-ins */
	const char *url;       /* over HTTP; NULL: a daemon of our own */
	const char *key_file;  /* for it */
	const char *uri;       /* that is asked about; NULL: one that our own daemon knows */
	unsigned long bad_percent;
	unsigned long connections;
	unsigned long pipeline; /* requests under way on each at most */
	unsigned long threads;  /* of the load */
	bool json;
};

/* The commands; each returns the program's exit code. */
int lk_bench_verify(const struct lk_bench_options *options);
int lk_bench_compare(const struct lk_bench_options *options);
int lk_bench_scale(const struct lk_bench_options *options);
int lk_bench_sign_in(const struct lk_bench_options *options);
int lk_bench_http(const struct lk_bench_options *options);
int lk_bench_refresh(const struct lk_bench_options *options);
