/* SPDX-License-Identifier: MIT */
/* A call by the Connect protocol: what the bridge asks the server for, and what it answers.
 *
 * Input: a byte that chooses the server's answer, a request's head, and its body. Invariants: a
 * request is answered exactly once, if it is for a method; a call that is made has a credential of
 * its own, a timeout, and a message that is sound; an error is JSON of the protocol's shape.
 */
#include "client/bridge/bridge_priv.h"
#include "client/bridge/connect.h"
#include "latchkey/v1/common.rpc.h"
#include "proto/wire/json.h"
#include "proto/wire/utf8.h"
#include "tests/fuzz/fuzz.h"

static unsigned answer_choice;
static unsigned n_sent, n_calls;

/* --- in the place of the engine --- */

static void check_error(struct lk_bytes body)
{
	struct lk_arena arena;
	ProtobufCMessage *message;

	lk_arena_init(&arena, (size_t)1 << 20);
	FUZZ_OK(lk_json_parse(&latchkey__v1__http_error__descriptor, body, NULL, &arena, &message));
	FUZZ_CHECK(((lk_http_error *)message)->code[0] != '\0');
	lk_arena_fini(&arena);
}

void lk_http_send(struct lk_http_exchange *exchange, const struct lk_http_answer *answer)
{
	(void)exchange;
	n_sent++;
	FUZZ_CHECK(answer->status >= 200 && answer->status < 600);
	FUZZ_CHECK(answer->headers.n > 0);
	FUZZ_CHECK(answer->content_type != NULL);
	if (answer->status != 200)
		check_error(answer->body);
	else
		FUZZ_CHECK(n_calls == 1);
}

void lk_http_resume(struct lk_http_exchange *exchange,
	void (*resume)(struct lk_http_exchange *exchange, void *arg), void *arg)
{
	resume(exchange, arg);
}

struct lk_status lk_http_start(const struct lk_http_options *options, struct lk_http **http_out)
{
	(void)options;
	(void)http_out;
	return LK_ERR(LK_INTERNAL, "there is no engine");
}

bool lk_http_drain(struct lk_http *http, uint32_t timeout_ms)
{
	(void)http;
	(void)timeout_ms;
	return true;
}

void lk_http_stop(struct lk_http *http)
{
	(void)http;
}

void lk_http_count(const struct lk_http *http, struct lk_http_counters *counters_out)
{
	(void)http;
	*counters_out = (struct lk_http_counters) { 0 };
}

/* --- in the place of the server --- */

static void check_message(const ProtobufCMessage *message)
{
	struct lk_arena arena;
	struct lk_bytes packed;

	lk_arena_init(&arena, (size_t)1 << 20);
	FUZZ_OK(lk_message_pack(message, &arena, &packed));
	FUZZ_OK(lk_message_check(message->descriptor, packed));
	lk_arena_fini(&arena);
}

static void check_call(const struct lk_method *method, const struct lk_call_options *options,
	const ProtobufCMessage *request)
{
	FUZZ_CHECK(options->credential.n > 0 && options->credential.n <= LK_CREDENTIAL_MAX);
	FUZZ_CHECK(options->timeout_ms > 0 && options->subject.n == 0);
	FUZZ_CHECK(options->traceparent == NULL || lk_utf8_valid(fuzz_text(options->traceparent)));
	FUZZ_CHECK(request->descriptor == method->request);
	check_message(request);
}

static void answer(struct lk_channel *channel, const struct lk_method *method,
	const struct lk_call_options *options, const ProtobufCMessage *request,
	const struct lk_completion *completion)
{
	struct lk_status status = {
		.code = lk_code_from_number(answer_choice & 15),
		.retry_ms = (answer_choice & 16) != 0 ? 1500 : 0,
		.field = (answer_choice & 32) != 0 ? "a_field[1]" : NULL,
		.reason = (enum lk_error_reason)(answer_choice >> 6),
		.why = "it is wrong",
	};
	ProtobufCMessage *response = NULL;

	(void)channel;
	n_calls++;
	check_call(method, options, request);
	if (status.code == LK_OK) {
		status = LK_SUCCESS;
		response = lk_message_new(method->response, completion->arena);
		FUZZ_CHECK(response != NULL);
	}
	completion->deliver(completion->done, completion->arg, status, response);
}

static void stay_open(struct lk_channel *channel)
{
	(void)channel;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct lk_channel_ops ops = { .call = answer, .close = stay_open };
	static struct lk_channel channel = { .ops = &ops };
	static struct lk_bridge bridge = { .options = { .channel = &channel } };
	struct lk_bytes input = { data, n };
	struct lk_http_head head = { 0 };
	struct lk_http_refusal refusal;
	struct lk_arena arena;
	bool is_ours;
	struct lk_http_exchange exchange = { .head = &head, .arena = &arena };

	answer_choice = fuzz_choice(&input, 256);
	exchange.head_bytes = input;
	if (lk_http_parse(&head, input, &refusal) != LK_HTTP_DONE)
		return 0;
	exchange.body = (struct lk_bytes) { input.data + head.n, input.n - head.n };
	if (exchange.body.n > LK_BRIDGE_BODY_MAX)
		return 0;
	lk_arena_init(&arena, (size_t)1 << 20);
	n_sent = n_calls = 0;
	is_ours = lk_connect_serve(&bridge, &exchange);
	FUZZ_CHECK(n_sent == (is_ours ? 1 : 0) && n_calls <= n_sent);
	lk_arena_fini(&arena);
	return 0;
}
