/* SPDX-License-Identifier: MIT */
#include "bench/echo.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/watch.h"
#include "proto/wire/arena.h"

#define SERVER_CONTEXTS 256
#define MESSAGE_BYTES_MAX ((size_t)64 * 1024)

/* --- the server: each context receives, sends back, receives --- */

struct echo_context {
	nng_ctx ctx;
	nng_aio *aio;
	bool is_sending;
};

static void serve_step(void *arg)
{
	struct echo_context *context = arg;

	if (nng_aio_result(context->aio) != 0) {
		if (context->is_sending)
			nng_msg_free(nng_aio_get_msg(context->aio));
		context->is_sending = true; /* and so the next step is a receive */
	}
	if (context->is_sending) {
		context->is_sending = false;
		nng_ctx_recv(context->ctx, context->aio);
	} else {
		context->is_sending = true;
		nng_ctx_send(context->ctx, context->aio);
	}
}

int lk_echo_serve(const char *url)
{
	static struct echo_context contexts[SERVER_CONTEXTS];
	nng_socket socket;

	if (nng_rep0_open(&socket) != 0 ||
		nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, MESSAGE_BYTES_MAX) != 0)
		return 1;
	for (size_t i = 0; i < SERVER_CONTEXTS; i++) {
		if (nng_ctx_open(&contexts[i].ctx, socket) != 0 ||
			nng_aio_alloc(&contexts[i].aio, serve_step, &contexts[i]) != 0)
			return 1;
		nng_ctx_recv(contexts[i].ctx, contexts[i].aio);
	}
	if (nng_listen(socket, url, NULL, 0) != 0)
		return 1;
	if (write(STDOUT_FILENO, "+", 1) != 1)
		return 1;
	for (;;)
		pause();
}

/* --- the load --- */

struct load {
	const struct lk_echo_load *options;
	struct lk_histogram *histogram;
	uint64_t end_ns;
	_Atomic uint64_t answers;
	_Atomic unsigned running;
	_Atomic unsigned errors;
};

struct slot {
	struct load *load;
	nng_ctx ctx;
	nng_aio *aio;
	bool is_sending;
	uint64_t start_ns;
};

static void send_next(struct slot *slot)
{
	size_t n = slot->load->options->message_bytes;
	nng_msg *message;

	if (nng_msg_alloc(&message, n) != 0) {
		atomic_fetch_add(&slot->load->errors, 1);
		atomic_fetch_sub(&slot->load->running, 1);
		return;
	}
	memset(nng_msg_body(message), 'e', n);
	slot->is_sending = true;
	nng_aio_set_msg(slot->aio, message);
	nng_ctx_send(slot->ctx, slot->aio);
}

static void finish_slot(struct slot *slot, bool is_error)
{
	if (is_error)
		atomic_fetch_add(&slot->load->errors, 1);
	atomic_fetch_sub(&slot->load->running, 1);
}

static void load_step(void *arg)
{
	struct slot *slot = arg;
	struct load *load = slot->load;
	nng_msg *message;
	uint64_t now_ns;
	bool is_whole;

	if (nng_aio_result(slot->aio) != 0) {
		if (slot->is_sending)
			nng_msg_free(nng_aio_get_msg(slot->aio));
		finish_slot(slot, true);
		return;
	}
	if (slot->is_sending) {
		slot->is_sending = false;
		nng_ctx_recv(slot->ctx, slot->aio);
		return;
	}
	message = nng_aio_get_msg(slot->aio);
	is_whole = nng_msg_len(message) == load->options->message_bytes;
	nng_msg_free(message);
	now_ns = lk_watch_ns();
	lk_histogram_add(load->histogram, now_ns - slot->start_ns);
	atomic_fetch_add_explicit(&load->answers, 1, memory_order_relaxed);
	if (!is_whole || now_ns >= load->end_ns) {
		finish_slot(slot, !is_whole);
		return;
	}
	slot->start_ns = now_ns;
	send_next(slot);
}

static bool open_slots(nng_socket socket, struct load *load, struct slot *slots)
{
	for (unsigned i = 0; i < load->options->in_flight; i++) {
		slots[i].load = load;
		if (nng_ctx_open(&slots[i].ctx, socket) != 0 ||
			nng_aio_alloc(&slots[i].aio, load_step, &slots[i]) != 0)
			return false;
		nng_aio_set_timeout(slots[i].aio, 10000);
	}
	return true;
}

static void close_slots(struct load *load, struct slot *slots)
{
	for (unsigned i = 0; i < load->options->in_flight; i++)
		nng_aio_free(slots[i].aio);
}

static double run_slots(struct load *load, struct slot *slots)
{
	uint64_t start_ns = lk_watch_ns();

	load->end_ns = start_ns + (uint64_t)load->options->duration_ms * 1000000;
	atomic_store(&load->running, load->options->in_flight);
	for (unsigned i = 0; i < load->options->in_flight; i++) {
		slots[i].start_ns = lk_watch_ns();
		send_next(&slots[i]);
	}
	while (atomic_load(&load->running) > 0)
		usleep(1000);
	return (double)atomic_load(&load->answers) * 1e9 / (double)(lk_watch_ns() - start_ns);
}

struct lk_status lk_echo_run(
	const struct lk_echo_load *options, struct lk_histogram *histogram, double *per_second_out)
{
	struct load load = { .options = options, .histogram = histogram };
	struct lk_status st = LK_ERR(LK_UNAVAILABLE, "the echo server does not answer");
	struct slot *slots = lk_alloc(options->in_flight * sizeof *slots);
	nng_socket socket;

	if (slots == NULL || nng_req0_open(&socket) != 0)
		goto out;
	if (nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE) == 0 &&
		open_slots(socket, &load, slots) && nng_dial(socket, options->url, NULL, 0) == 0) {
		*per_second_out = run_slots(&load, slots);
		if (atomic_load(&load.errors) == 0)
			st = LK_SUCCESS;
	}
	nng_close(socket);
	close_slots(&load, slots);
out:
	lk_free(slots);
	return st;
}
