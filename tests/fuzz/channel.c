/* SPDX-License-Identifier: MIT */
/* A server's answer into a channel.
 *
 * Input: a reply frame, given as the answer to a frame of one call and to one of three.
 * Invariants: each call completes exactly once; it has a response, which packs into bytes that
 * pass lk_message_check, exactly when its code is OK; an error has a reason in UTF-8.
 */
#include "client/channel/channel.h"
#include "latchkey/v1/key.rpc.h"
#include "proto/wire/utf8.h"
#include "tests/fuzz/fuzz.h"

#define CALLS 4

static struct {
	struct lk_channel *channel;
	struct lk_method method;
	struct lk_bytes answer;
	bool is_holding;
	lk_reply_fn held;
	void *held_arg;
	unsigned n_done[CALLS];
	struct lk_arena arena;
} f;

static void submit(void *arg, struct lk_bytes frame, lk_reply_fn done, void *done_arg)
{
	(void)arg;
	(void)frame;
	if (!f.is_holding) {
		done(done_arg, f.answer);
		return;
	}
	FUZZ_CHECK(f.held == NULL);
	f.held = done;
	f.held_arg = done_arg;
}

static void check_response(const ProtobufCMessage *response)
{
	struct lk_bytes packed;

	FUZZ_CHECK(response != NULL && response->descriptor == f.method.response);
	FUZZ_OK(lk_message_pack(response, &f.arena, &packed));
	FUZZ_OK(lk_message_check(f.method.response, packed));
}

static void deliver(
	lk_any_fn done, void *arg, struct lk_status status, const ProtobufCMessage *response)
{
	unsigned *n_done = arg;

	(void)done;
	(*n_done)++;
	if (status.code == LK_OK) {
		FUZZ_CHECK(status.why == NULL);
		check_response(response);
		return;
	}
	FUZZ_CHECK(response == NULL);
	FUZZ_CHECK(lk_utf8_valid(fuzz_text(status.why)));
	FUZZ_CHECK(status.field == NULL || lk_utf8_valid(fuzz_text(status.field)));
}

static void start(void)
{
	const struct lk_inproc_options options = { .submit = submit, .window = 1 };

	f.method = lk_key_service_methods[1];
	FUZZ_OK(lk_channel_open_inproc(&options, &f.channel));
	lk_arena_init(&f.arena, (size_t)16 << 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* Never tried again, or inputs would wait for their second try. */
	const struct lk_call_options options = { .attempts_max = 1 };
	ProtobufCMessage *request;

	if (f.channel == NULL)
		start();
	f.answer = (struct lk_bytes) { data, n };
	f.is_holding = true;
	f.held = NULL;
	memset(f.n_done, 0, sizeof f.n_done);
	request = lk_message_new(f.method.request, &f.arena);
	for (unsigned i = 0; i < CALLS; i++)
		lk_rpc_call_async(
			f.channel, &f.method, &options, request, deliver, NULL, &f.n_done[i]);
	FUZZ_CHECK(f.held != NULL);
	f.is_holding = false;
	f.held(f.held_arg, f.answer);
	for (unsigned i = 0; i < CALLS; i++)
		FUZZ_CHECK(f.n_done[i] == 1);
	lk_arena_reset(&f.arena);
	return 0;
}
