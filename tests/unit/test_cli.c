/* SPDX-License-Identifier: MIT */
/* What the command line understands and shows, without a server. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cli/secret.h"
#include "client/cli/table.h"
#include "client/cli/values.h"
#include "latchkey/v1/key.pb-c.h"
#include "tests/support/check.h"

static struct lk_arena arena;

static int set_up(void **state_)
{
	(void)state_;
	lk_arena_init(&arena, (size_t)1 << 20);
	return 0;
}

static int tear_down(void **state_)
{
	(void)state_;
	lk_arena_fini(&arena);
	return 0;
}

/* --- values --- */

TEST(a_span_is_read_in_its_units)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "0", 0 },
		{ "0s", 0 },
		{ "250ms", 250 },
		{ "10s", 10000 },
		{ "5m", 300000 },
		{ "24h", 86400000 },
		{ "30d", INT64_C(2592000000) },
		{ "2w", 1209600000 },
		{ "1d12h", 129600000 },
		{ "1w2d3h4m5s6ms", 788645006 },
		{ "365250d", INT64_C(31557600000000) },
	};

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		int64_t ms = -1;

		CHECK(lk_value_span(cases[i].text, &ms));
		CHECK_EQ(ms, cases[i].ms);
	}
}

TEST(what_is_not_a_span_is_refused)
{
	static const char *const texts[] = { "", "1", "d", "1x", "1 d", " 1d", "1d ", "-1d", "+1d",
		"1.5h", "1h1h", "1h1d", "1m1h", "1D", "1mss", "365251d", "99999999999999999999d",
		"9223372036854775807ms", "1e3s", "1d1" };

	for (size_t i = 0; i < LK_COUNT(texts); i++) {
		int64_t ms;

		if (lk_value_span(texts[i], &ms))
			fail_msg("accepted: %s", texts[i]);
	}
}

TEST(a_moment_is_a_span_from_now_or_a_time)
{
	struct lk_time_parts at;

	CHECK(lk_value_moment("1d", 1000500, &at));
	CHECK_EQ(at.seconds, 87400);
	CHECK_EQ(at.nanos, 500000000);
	CHECK(lk_value_moment("2027-01-01T01:00:00+01:00", 0, &at));
	CHECK_EQ(at.seconds, 1798761600);
	CHECK(!lk_value_moment("tomorrow", 0, &at));
	CHECK(!lk_value_moment("never", 0, &at));
	CHECK(!lk_value_moment("2027-01-01", 0, &at));
}

TEST(an_enum_value_goes_by_its_words)
{
	const ProtobufCEnumDescriptor *type = &latchkey__v1__revocation_reason__descriptor;
	char text[LK_VALUE_ROOM];
	int value = -1;

	CHECK(lk_value_enum(type, "key-compromise", &value));
	CHECK_EQ(value, LATCHKEY__V1__REVOCATION_REASON__REVOCATION_REASON_KEY_COMPROMISE);
	CHECK(!lk_value_enum(type, "unspecified", &value));
	CHECK(!lk_value_enum(type, "KEY_COMPROMISE", &value));
	CHECK(!lk_value_enum(type, "", &value));
	lk_value_enum_print(type, value, text);
	CHECK_STR(text, "key-compromise");
	lk_value_enum_print(type, 0, text);
	CHECK_STR(text, "-");
	lk_value_enum_print(type, 99, text);
	CHECK_STR(text, "99");
}

TEST(a_moment_is_told_by_its_distance)
{
	static const struct {
		int64_t s;
		const char *text;
	} cases[] = {
		{ 0, "now" },
		{ 1, "in 1 second" },
		{ -1, "1 second ago" },
		{ 59, "in 59 seconds" },
		{ -60, "1 minute ago" },
		{ -3 * 3600 - 5, "3 hours ago" },
		{ 86400, "in 1 day" },
		{ 400 * 86400, "in 400 days" },
		{ 730 * 86400, "in 2 years" },
	};
	char text[LK_VALUE_ROOM];

	for (size_t i = 0; i < LK_COUNT(cases); i++) {
		lk_value_relative_print(
			(struct lk_time_parts) { 1000000000 + cases[i].s, 0 }, 1000000000000, text);
		CHECK_STR(text, cases[i].text);
	}
}

/* --- text --- */

TEST(text_from_strangers_cannot_move_the_cursor)
{
	CHECK_STR(lk_text_safe(&arena, "plain gr\xc3\xbc\xc3\x9f"), "plain gr\xc3\xbc\xc3\x9f");
	CHECK_STR(lk_text_safe(&arena, "a\x1b[2Jb\n\x7f"), "a\\u{1b}[2Jb\\u{a}\\u{7f}");
	CHECK_STR(lk_text_safe(&arena, "\xc2\x9b"), "\\u{9b}");
	CHECK_STR(lk_text_safe(&arena, "\xe2\x80\xae\xe2\x81\xa6\xef\xbb\xbf"),
		"\\u{202e}\\u{2066}\\u{feff}");
	CHECK_STR(lk_text_safe(&arena, "\xe2\x80z\xff"), "\\xe2\\x80z\\xff");
}

TEST(wide_and_combining_characters_keep_the_columns_straight)
{
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		skip();
	CHECK_EQ(lk_text_width("abc"), 3);
	CHECK_EQ(lk_text_width("gr\xc3\xbc\xc3\x9f"), 4);
	CHECK_EQ(lk_text_width("\xe6\x97\xa5\xe6\x9c\xac"), 4);
	CHECK_EQ(lk_text_width("e\xcc\x81"), 1);
}

TEST(long_text_is_cut_at_a_character)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	CHECK_STR(lk_text_short(&arena, "abcdef", 6), "abcdef");
	CHECK_STR(lk_text_short(&arena, "abcdefg", 6), "abcde\xe2\x80\xa6");
	CHECK_STR(lk_text_short(&arena, "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 3),
		"\xc3\xbc\xc3\xbc\xe2\x80\xa6");
}

TEST(a_table_aligns_its_columns)
{
	static const char *const rows[][2] = { { "ID", "NAME" }, { "key_1", "a" }, { "k", "" } };
	struct lk_table table = { .n_columns = 2 };
	char text[256] = "";
	FILE *stream = fmemopen(text, sizeof text, "w");

	for (size_t i = 0; i < LK_COUNT(rows); i++)
		lk_table_measure(&table, rows[i]);
	for (size_t i = 0; i < LK_COUNT(rows); i++)
		lk_table_print(&table, rows[i], stream);
	fclose(stream);
	CHECK_STR(text, "ID     NAME\nkey_1  a\nk      \n");
}

/* --- secrets --- */

/* A file with this content; its name is valid until the next call. */
static const char *file_with(const char *content, size_t n)
{
	static char path[] = "/tmp/latchkey-test-XXXXXX";
	int fd;

	memcpy(path + sizeof path - 7, "XXXXXX", 6);
	fd = mkstemp(path);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, content, n), (ssize_t)n);
	close(fd);
	return path;
}

static const char *read_as(
	enum lk_secret_form form, const char *content, size_t n, struct lk_bytes *secret_out)
{
	const char *path = file_with(content, n);
	const char *why = lk_secret_read(path, "Key", form, &arena, secret_out);

	unlink(path);
	return why;
}

static const char *secret_in(const char *content, size_t n, struct lk_bytes *secret_out)
{
	return read_as(LK_SECRET_TOKEN, content, n, secret_out);
}

TEST(a_secret_is_the_one_line_of_its_file)
{
	static const char *const contents[] = { "s3cret", "s3cret\n", "s3cret\r\n",
		"  s3cret \n\n" };

	for (size_t i = 0; i < LK_COUNT(contents); i++) {
		struct lk_bytes secret;

		CHECK(secret_in(contents[i], strlen(contents[i]), &secret) == NULL);
		CHECK_EQ(secret.n, 6);
		CHECK_MEM(secret.data, "s3cret", 7);
	}
}

TEST(what_is_not_one_line_is_no_secret)
{
	static char large[LK_SECRET_MAX + 1];
	struct lk_bytes secret = { NULL, 0 };

	memset(large, 'a', sizeof large);
	CHECK(secret_in("", 0, &secret) != NULL);
	CHECK(secret_in(" \n", 2, &secret) != NULL);
	CHECK(secret_in("a\nb\n", 4, &secret) != NULL);
	CHECK(secret_in("a\0b", 3, &secret) != NULL);
	CHECK(secret_in(large, sizeof large, &secret) != NULL);
	CHECK(secret.data == NULL);
	CHECK(secret_in(large, sizeof large - 1, &secret) == NULL);
	CHECK(lk_secret_read("/nonexistent/key", "Key", LK_SECRET_TOKEN, &arena, &secret) != NULL);
	CHECK_EQ(errno, ENOENT);
}

TEST(the_space_around_a_password_is_part_of_it)
{
	static const char *const contents[] = { " two words ", " two words \n", " two words \r\n" };
	struct lk_bytes secret = { NULL, 0 };

	for (size_t i = 0; i < LK_COUNT(contents); i++) {
		CHECK(read_as(LK_SECRET_PASSWORD, contents[i], strlen(contents[i]), &secret) ==
			NULL);
		CHECK_EQ(secret.n, 11);
		CHECK_MEM(secret.data, " two words ", 12);
	}
	CHECK(read_as(LK_SECRET_PASSWORD, "\n", 1, &secret) != NULL);
	CHECK(read_as(LK_SECRET_PASSWORD, "a\nb", 3, &secret) != NULL);
}

TEST(bytes_are_all_of_their_file_but_the_newline_at_its_end)
{
	struct lk_bytes secret = { NULL, 0 };

	CHECK(read_as(LK_SECRET_BYTES, " \0\r\n\n", 5, &secret) == NULL);
	CHECK_EQ(secret.n, 4);
	CHECK_MEM(secret.data, " \0\r\n", 4);
	CHECK(read_as(LK_SECRET_BYTES, "", 0, &secret) != NULL);
}

TEST(a_secret_goes_into_a_new_file_of_its_owner_only)
{
	const char *path = file_with("", 0);
	struct lk_bytes secret;
	struct stat status;
	int fd = lk_secret_create_file(path);

	CHECK(fd < 0);
	CHECK_EQ(errno, EEXIST);
	unlink(path);
	fd = lk_secret_create_file(path);
	CHECK(lk_secret_write_file(fd, path, "s3cret"));
	CHECK_EQ(stat(path, &status), 0);
	CHECK_EQ(status.st_mode & 0777, 0600);
	CHECK(lk_secret_read(path, "Key", LK_SECRET_TOKEN, &arena, &secret) == NULL);
	CHECK_MEM(secret.data, "s3cret", 7);
	unlink(path);
}

TEST(a_secret_that_cannot_be_written_leaves_no_file)
{
	const char *path = file_with("", 0);
	int fd = open("/dev/full", O_WRONLY);

	CHECK(!lk_secret_write_file(fd, path, "s3cret"));
	CHECK_EQ(errno, ENOSPC);
	CHECK(access(path, F_OK) != 0);
	fd = lk_secret_create_file(path);
	lk_secret_abandon_file(fd, path);
	CHECK(access(path, F_OK) != 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_span_is_read_in_its_units),
		CASE(what_is_not_a_span_is_refused),
		CASE(a_moment_is_a_span_from_now_or_a_time),
		CASE(an_enum_value_goes_by_its_words),
		CASE(a_moment_is_told_by_its_distance),
		CASE(text_from_strangers_cannot_move_the_cursor),
		CASE(wide_and_combining_characters_keep_the_columns_straight),
		CASE(long_text_is_cut_at_a_character),
		CASE(a_table_aligns_its_columns),
		CASE(a_secret_is_the_one_line_of_its_file),
		CASE(what_is_not_one_line_is_no_secret),
		CASE(the_space_around_a_password_is_part_of_it),
		CASE(bytes_are_all_of_their_file_but_the_newline_at_its_end),
		CASE(a_secret_goes_into_a_new_file_of_its_owner_only),
		CASE(a_secret_that_cannot_be_written_leaves_no_file),
	};

	return RUN_ALL(tests);
}
