/* SPDX-License-Identifier: MIT */
/* A peer that speaks nng's wire format over a plain socket, rightly or wrongly. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "proto/wire/types.h"

/* Where to connect: a path, or a port of 127.0.0.1. */
struct sp_address {
	const char *path; /* NULL: tcp */
	uint16_t port;
};

/* A connected socket whose reads give up after 20 s, or -1. */
int sp_connect(const struct sp_address *address);

/* Closes with a reset where the protocol has one. */
void sp_abort(int fd);

/* Sends our half of the handshake and reads the other; false when the peer closed. */
bool sp_greet(int fd);

/* sp_connect and sp_greet; -1 when either fails. */
int sp_open(const struct sp_address *address);

/* Sends the head of a message that is said to have n bytes. */
bool sp_send_length(int fd, const struct sp_address *address, uint64_t n);

/* Sends a request: `hops` words of a backtrace, the id, the frame. */
bool sp_send(int fd, const struct sp_address *address, unsigned hops, uint32_t id,
	struct lk_bytes frame);

/* The next reply and its id; -1 when the peer closed or nothing came. */
ssize_t sp_receive(
	int fd, const struct sp_address *address, uint32_t *id_out, uint8_t *frame_out, size_t max);

/* Reads and drops what comes until the peer closes; false when it does not. */
bool sp_await_close(int fd);
