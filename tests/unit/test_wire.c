/* SPDX-License-Identifier: MIT */
#include "latchkey/v1/auth.pb-c.h"
#include "proto/wire/frame.h"
#include "proto/wire/message.h"
#include "proto/wire/utf8.h"
#include "tests/support/check.h"

static struct lk_bytes bytes_of(const void *data, size_t n)
{
	return (struct lk_bytes) { data, n };
}

static struct lk_bytes text_of(const char *text)
{
	return bytes_of(text, strlen(text));
}

TEST(every_code_has_its_grpc_name)
{
	CHECK_STR(lk_code_name(LK_OK), "OK");
	CHECK_STR(lk_code_name(LK_UNAUTHENTICATED), "UNAUTHENTICATED");
	CHECK_EQ(lk_code_http(LK_RESOURCE_EXHAUSTED), 429);
	CHECK_EQ(lk_code_from_number(17), LK_UNKNOWN);
}

TEST(an_arena_refuses_what_exceeds_its_cap)
{
	struct lk_arena arena;

	lk_arena_init(&arena, 1000);
	CHECK(lk_arena_alloc(&arena, 1000) != NULL);
	CHECK(lk_arena_alloc(&arena, 1) == NULL);
	CHECK(arena.exhausted);
	lk_arena_reset(&arena);
	CHECK(!arena.exhausted);
	CHECK(lk_arena_alloc(&arena, SIZE_MAX) == NULL);
	CHECK(lk_arena_calloc(&arena, SIZE_MAX / 2, 4) == NULL);
	lk_arena_fini(&arena);
}

TEST(resetting_an_arena_wipes_what_was_handed_out)
{
	struct lk_arena arena;
	char *secret;

	lk_arena_init(&arena, 4096);
	secret = lk_arena_strndup(&arena, "secret", 6);
	lk_arena_reset(&arena);
	CHECK_MEM(secret, "\0\0\0\0\0\0", 6);
	lk_arena_fini(&arena);
}

TEST(a_frame_reads_back_as_it_was_written)
{
	struct lk_frame_call call = { .method = 200,
		.id = 7,
		.remaining_ms = 1500,
		.metadata = text_of("meta"),
		.subject = text_of("sub"),
		.body = text_of("body") };
	struct lk_frame_head head = { LK_LANE_WRITE, 1, text_of("latchkey_cred") };
	struct lk_frame_call read;
	struct lk_cursor cursor;
	struct lk_buf buf;

	lk_buf_init(&buf, LK_REQUEST_FRAME_MAX);
	lk_frame_put_head(&buf, &head);
	memcpy(lk_frame_put_call(&buf, &call), call.body.data, call.body.n);
	CHECK(!buf.failed);
	cursor = lk_cursor_over(bytes_of(buf.data, buf.n));
	CHECK_OK(lk_frame_read_head(&cursor, &head));
	CHECK_EQ(head.lane, LK_LANE_WRITE);
	CHECK_EQ(head.n_calls, 1);
	CHECK_MEM(head.credential.data, "latchkey_cred", 13);
	CHECK_OK(lk_frame_read_call(&cursor, &read));
	CHECK_EQ(read.method, 200);
	CHECK_EQ(read.id, 7);
	CHECK_EQ(read.remaining_ms, 1500);
	CHECK_MEM(read.body.data, "body", 4);
	CHECK(lk_cursor_clean_end(&cursor));

	/* Cut short at every byte it is refused, never misread. */
	for (size_t n = 0; n < buf.n; n++) {
		struct lk_status st;

		cursor = lk_cursor_over(bytes_of(buf.data, n));
		st = lk_frame_read_head(&cursor, &head);
		if (st.code == LK_OK)
			st = lk_frame_read_call(&cursor, &read);
		CHECK_CODE(st, LK_INVALID_ARGUMENT);
	}
	lk_buf_fini(&buf);
}

TEST(a_reply_reads_back_as_it_was_written)
{
	/* field_violations { field: "id" } retry_delay { seconds: 1 } reason: 5 */
	static const uint8_t details[] = { 0x0a, 4, 0x0a, 2, 'i', 'd', 0x12, 2, 8, 1, 0x18, 5 };
	struct lk_frame_reply reply = { .id = 7,
		.code = LK_RESOURCE_EXHAUSTED,
		.why = text_of("not so often"),
		.details = bytes_of(details, sizeof details) };
	struct lk_frame_reply read;
	struct lk_cursor cursor;
	struct lk_buf buf;
	uint16_t n;

	lk_buf_init(&buf, LK_REPLY_FRAME_MAX);
	lk_frame_put_reply_head(&buf, 1);
	CHECK(lk_frame_put_reply(&buf, &reply) != NULL);
	cursor = lk_cursor_over(bytes_of(buf.data, buf.n));
	CHECK_OK(lk_frame_read_reply_head(&cursor, &n));
	CHECK_EQ(n, 1);
	CHECK_OK(lk_frame_read_reply(&cursor, &read));
	CHECK_EQ(read.id, 7);
	CHECK_EQ(read.code, LK_RESOURCE_EXHAUSTED);
	CHECK_EQ(read.why.n, 12);
	CHECK_MEM(read.why.data, "not so often", 12);
	CHECK_EQ(read.details.n, sizeof details);
	CHECK_MEM(read.details.data, details, sizeof details);
	CHECK_EQ(read.body.n, 0);
	CHECK(lk_cursor_clean_end(&cursor));
	for (size_t cut = 0; cut < buf.n; cut++) {
		struct lk_status st;

		cursor = lk_cursor_over(bytes_of(buf.data, cut));
		st = lk_frame_read_reply_head(&cursor, &n);
		if (st.code == LK_OK)
			st = lk_frame_read_reply(&cursor, &read);
		CHECK_CODE(st, LK_INVALID_ARGUMENT);
	}
	lk_buf_fini(&buf);
}

TEST(a_frame_head_with_a_wrong_number_is_refused)
{
	static const struct {
		uint8_t bytes[6];
	} heads[] = {
		{ { 0, 1, 0, 1, 0, 0 } },
		{ { 2, 1, 0, 1, 0, 0 } },
		{ { 1, 0, 0, 1, 0, 0 } },
		{ { 1, 6, 0, 1, 0, 0 } },
		{ { 1, 1, 0, 0, 0, 0 } },
		{ { 1, 1, 0, 129, 0, 0 } },
		{ { 1, 1, 0, 1, 0, 9 } },
	};

	for (size_t i = 0; i < LK_COUNT(heads); i++) {
		struct lk_cursor cursor = lk_cursor_over(bytes_of(heads[i].bytes, 6));
		struct lk_frame_head head;

		CHECK_CODE(lk_frame_read_head(&cursor, &head), LK_INVALID_ARGUMENT);
	}
}

TEST(utf8_is_told_from_what_only_looks_like_it)
{
	CHECK(lk_utf8_valid(text_of("plain ascii, longer than a word")));
	CHECK(lk_utf8_valid(text_of("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x91")));
	CHECK(!lk_utf8_valid(bytes_of("12345678\0", 9)));
	CHECK(!lk_utf8_valid(bytes_of("abc\0efgh", 8)));
	CHECK(!lk_utf8_valid(text_of("\xc0\x80")));
	CHECK(!lk_utf8_valid(text_of("\xed\xa0\x80")));
	CHECK(!lk_utf8_valid(text_of("\xf4\x90\x80\x80")));
	CHECK(!lk_utf8_valid(text_of("\xe2\x82")));
	CHECK(!lk_utf8_valid(text_of("\x80")));
}

TEST(malformed_messages_are_refused_before_protobuf_c_sees_them)
{
	static const struct {
		const char *bytes;
		size_t n;
	} inputs[] = {
		{ "\x00", 1 },     /* tag 0 */
		{ "\x0b\x0c", 2 }, /* a group */
		{ "\x0e", 1 },     /* wire type 6 */
		{ "\x0a\x05"
		  "abc",
			5 }, /* length beyond the end */
		{ "\x0a\x03"
		  "a\0b",
			5 },               /* NUL in a string */
		{ "\x0a\x02\xc0\x80", 4 }, /* not UTF-8 */
		{ "\x08\x01", 2 },         /* varint where a string belongs */
		{ "\xfa\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00", 11 },
		{ "\x12\x04\x08\x01\x12\x05", 6 }, /* nested, cut short */
	};
	const ProtobufCMessageDescriptor *type = &latchkey__v1__authenticate_request__descriptor;

	for (size_t i = 0; i < LK_COUNT(inputs); i++)
		CHECK_CODE(lk_message_check(type, bytes_of(inputs[i].bytes, inputs[i].n)),
			LK_INVALID_ARGUMENT);
	/* An unknown field is skipped. */
	CHECK_OK(lk_message_check(type, bytes_of("\xf8\x07\x01", 3)));
}

TEST(a_message_of_too_many_fields_is_refused)
{
	static uint8_t bytes[2 * (LK_MESSAGE_FIELDS_MAX + 1)];
	const ProtobufCMessageDescriptor *type = &latchkey__v1__authenticate_request__descriptor;

	for (size_t i = 0; i < sizeof bytes; i += 2)
		bytes[i] = 0x1a; /* permissions: "" */
	CHECK_CODE(lk_message_check(type, bytes_of(bytes, sizeof bytes)), LK_INVALID_ARGUMENT);
	CHECK_OK(lk_message_check(type, bytes_of(bytes, sizeof bytes - 2)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(every_code_has_its_grpc_name),
		RUN(an_arena_refuses_what_exceeds_its_cap),
		RUN(resetting_an_arena_wipes_what_was_handed_out),
		RUN(a_frame_reads_back_as_it_was_written),
		RUN(a_reply_reads_back_as_it_was_written),
		RUN(a_frame_head_with_a_wrong_number_is_refused),
		RUN(utf8_is_told_from_what_only_looks_like_it),
		RUN(malformed_messages_are_refused_before_protobuf_c_sees_them),
		RUN(a_message_of_too_many_fields_is_refused),
	};

	return RUN_ALL(tests);
}
