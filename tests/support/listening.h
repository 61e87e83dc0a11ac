/* SPDX-License-Identifier: MIT */
/* The echo service behind listeners on a free tcp port and on an ipc socket of its own. */
#pragma once

#include <stdlib.h>
#include <time.h>

#include "server/net/net_priv.h"
#include "tests/support/echo.h"
#include "tests/support/sp.h"

enum { TCP, IPC, N_ADDRESSES };

struct listening {
	char directory[64];
	char path[96];
	char url[N_ADDRESSES][128];
	struct lk_server *server;
	struct lk_net *net;
	struct sp_address at[N_ADDRESSES];
};

/* Any probe in the options stands for a good one. */
#define PROBED \
	{ \
		.probe = { NULL, 1 } \
	}

/* The ipc address is the operator's. */
void listening_open(struct listening *l, struct lk_net_options options);
void listening_close(struct listening *l);

/* A FAST call that echoes the text, as a frame; lk_buf_fini is the caller's. */
struct lk_buf listening_call(const char *text);

/* Sends a call on a connection and takes its answer; false when there is none. */
bool listening_call_on(int fd, const struct sp_address *address, const char *text);

/* The same over a connection of its own. */
bool listening_call_at(const struct sp_address *address);

/* Waits for what other threads will do. */
#define AWAIT(condition) \
	do { \
		unsigned tries_ = 30000; \
		while (!(condition) && tries_-- > 0) \
			nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL); \
		CHECK(condition); \
	} while (0)

/* How often a campaign repeats: LK_TEST_ROUNDS if set. */
unsigned listening_rounds(unsigned otherwise);
