/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/cli/import_check.h"
#include "client/cli/import_read.h"
#include "proto/wire/buf.h"
#include "tests/support/check.h"

static void add(struct lk_buf *out, const char *text)
{
	lk_buf_add(out, text, strlen(text));
}

static void tell_user(struct lk_buf *out, const Latchkey__Cli__UserLine *user)
{
	bool has_enabled = user->state_case == LATCHKEY__CLI__USER_LINE__STATE_ENABLED;

	add(out, user->email);
	add(out, "|");
	add(out, user->name);
	add(out, "|");
	add(out, user->password_hash);
	add(out, "|");
	for (size_t i = 0; i < user->n_roles; i++) {
		add(out, i > 0 ? "+" : "");
		add(out, user->roles[i]);
	}
	add(out, "|");
	add(out, user->organization_id);
	add(out, !has_enabled ? "|" : user->enabled ? "|yes" : "|no");
}

static void tell(struct lk_buf *out, const struct lk_import_line *line)
{
	char number[16];

	snprintf(number, sizeof number, "%u:", line->number);
	add(out, number);
	if (line->message != NULL) {
		tell_user(out, (const Latchkey__Cli__UserLine *)line->message);
	} else {
		add(out, "!");
		add(out, line->status.field != NULL ? line->status.field : "");
		add(out, " ");
		add(out, line->status.why);
	}
	add(out, "\n");
}

/* A file with this text, to be read from its beginning. */
static int file_of(struct lk_bytes text)
{
	int fd = memfd_create("lines", 0);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text.data, text.n), text.n);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static bool read_file(int fd, enum lk_line_format format, struct lk_buf *out)
{
	struct lk_import_line line;
	struct lk_import_file *file;
	struct lk_arena arena;
	bool is_complete;

	lk_arena_init(&arena, (size_t)1 << 20);
	CHECK_OK(lk_import_open(fd, format, &lk_user_lines, &file));
	while (lk_import_next(file, &arena, &line)) {
		tell(out, &line);
		lk_arena_reset(&arena);
	}
	is_complete = lk_import_is_complete(file);
	lk_import_close(file);
	lk_arena_fini(&arena);
	lk_buf_u8(out, '\0');
	CHECK(!out->failed);
	return is_complete;
}

static void check_bytes(
	enum lk_line_format format, struct lk_bytes text, bool is_complete, const char *expected)
{
	struct lk_buf found;

	lk_buf_init(&found, (size_t)1 << 20);
	CHECK_EQ(read_file(file_of(text), format, &found), is_complete);
	CHECK_STR((const char *)found.data, expected);
	lk_buf_fini(&found);
}

static void check_text(enum lk_line_format format, const char *text, const char *expected)
{
	check_bytes(format, lk_bytes_of(text), true, expected);
}

TEST(columns_go_by_their_names_in_any_order)
{
	check_text(LK_LINES_CSV,
		"name,roles,email,enabled,organizationId,password_hash\n"
		"Ada,admin clerk,ada@x,true,acme,$6$x\n"
		"\"Bob, B.\",admin;clerk ; viewer,bob@x,false,,\n"
		",,eve@x,,,\n",
		"2:ada@x|Ada|$6$x|admin+clerk|acme|yes\n"
		"3:bob@x|Bob, B.||admin+clerk+viewer||no\n"
		"4:eve@x|||||\n");
	check_text(LK_LINES_CSV, "email\r\nada@x\r\n\r\nbob@x", "2:ada@x|||||\n4:bob@x|||||\n");
	check_text(LK_LINES_CSV,
		"\xef\xbb\xbf"
		"email\nada@x\n",
		"2:ada@x|||||\n");
	check_text(LK_LINES_CSV, "email,name\nada@x,\"two\nlines\"\nbob@x,b\n",
		"2:ada@x|two\nlines||||\n4:bob@x|b||||\n");
	check_text(LK_LINES_CSV, "", "");
	check_text(LK_LINES_CSV, "email\n", "");
	check_text(LK_LINES_CSV, "email,id,created_at\nada@x,user_1,whenever\n", "2:ada@x|||||\n");
}

TEST(a_wrong_record_is_refused_alone)
{
	check_text(LK_LINES_CSV,
		"email,enabled,name\na@x,yes,\nb@x,true\nc@x,,,\nd@x,,\xff\ne@x,,E\n",
		"2:!enabled must be true or false\n"
		"3:! the record has not as many fields as the header\n"
		"4:! the record has not as many fields as the header\n"
		"5:!name is not UTF-8\n"
		"6:e@x|E||||\n");
}

TEST(a_wrong_header_lets_nothing_in)
{
	static const struct {
		const char *text;
		const char *found;
	} cases[] = {
		{ "email,password\na@x,secret\n",
			"1:!password is no column that is known: the first line names the "
			"columns\n" },
		{ "name\nAda\n", "1:!email is a column that must be there\n" },
		{ "email,name,email\na,b,c\n", "1:!email is a column that comes twice\n" },
		{ "email,organization_id,organizationId\na,b,c\n",
			"1:!organizationId is a column that comes twice\n" },
		{ "$2b$12$abcdefgh,ada@x\n",
			"1:!(something that is no name) is no column that is known: the first "
			"line names the columns\n" },
		{ "5f4dcc3b5aa765d61d8327deb882cf99,ada@x\n",
			"1:!(something that is no name) is no column that is known: the first "
			"line names the columns\n" },
	};

	for (size_t i = 0; i < LK_COUNT(cases); i++)
		check_bytes(LK_LINES_CSV, lk_bytes_of(cases[i].text), false, cases[i].found);
}

/* The second record would be one of a stranger who chose his name. */
TEST(nothing_is_read_behind_broken_csv)
{
	check_bytes(LK_LINES_CSV,
		lk_bytes_of("email,name\na@x,A\nb@x,\"B \"the\nevil@x,admin\nc@x,C\n"), false,
		"2:a@x|A||||\n3:! text stands behind the closing quote\n");
	check_bytes(LK_LINES_CSV, lk_bytes_of("email\na@x\n\"b@x\n"), false,
		"2:a@x|||||\n3:! a quote is never closed\n");
}

TEST(each_line_is_an_object_of_json)
{
	check_text(LK_LINES_JSON,
		"{\"email\":\"ada@x\",\"name\":\"Ada\",\"roles\":[\"admin\",\"clerk\"],"
		"\"password_hash\":\"$6$x\",\"organization_id\":\"acme\",\"enabled\":true}\n"
		"\n"
		" {\"email\":\"bob@x\",\"passwordHash\":\"$7$\",\"enabled\":false}\r\n"
		"{\"email\":\"eve@x\",\"id\":\"user_1\",\"createdAt\":\"x\",\"name\":null}",
		"1:ada@x|Ada|$6$x|admin+clerk|acme|yes\n"
		"3:bob@x||$7$|||no\n"
		"4:eve@x|||||\n");
	check_text(LK_LINES_JSON, "\xef\xbb\xbf{\"email\":\"a@x\"}\n", "1:a@x|||||\n");
	check_text(LK_LINES_JSON, "", "");
	check_text(LK_LINES_JSON, "\n \n\t\r\n", "");
	check_text(LK_LINES_JSON, "\xef\xbb\xbf", "");
}

TEST(a_wrong_line_of_json_is_refused_alone)
{
	check_text(LK_LINES_JSON,
		"{\"email\":\"a@x\"\n"
		"[]\n"
		"{\"email\":\"a@x\",\"password\":\"secret\"}\n"
		"{\"email\":7}\n"
		"{\"email\":\"a@x\",\"roles\":[\"admin\",1]}\n"
		"{\"email\":\"a@x\",\"email\":\"b@x\"}\n"
		"{\"$2b$12$abc\":1}\n"
		"{\"email\":\"ok@x\"}\n",
		"1:! the JSON text is malformed\n"
		"2:! the JSON text must be an object\n"
		"3:!password is not a field of this message\n"
		"4:!email must be a string\n"
		"5:!roles[1] must be a string\n"
		"6:! the JSON text has a member that comes twice\n"
		"7:!(something that is no name) is not a field of this message\n"
		"8:ok@x|||||\n");
}

static size_t put(char *at, const char *text)
{
	memcpy(at, text, strlen(text));
	return strlen(text);
}

/* Lines of every length around the size of what is read at once; the last is too long. */
TEST(lines_end_anywhere_in_what_is_read_at_once)
{
	size_t n_name = LK_IMPORT_LINE_MAX - strlen("{\"email\":\"a@x\",\"name\":\"\"}");
	char *text = malloc(5 * LK_IMPORT_LINE_MAX);
	struct lk_buf found;
	size_t n = 0;

	CHECK(text != NULL);
	for (size_t more = 0; more < 3; more++) {
		n += put(text + n, "{\"email\":\"a@x\",\"name\":\"");
		memset(text + n, 'n', n_name - 1 + more);
		n += n_name - 1 + more;
		n += put(text + n, "\"}\n");
	}
	n += put(text + n, "{\"email\":\"b@x\"}\n");
	lk_buf_init(&found, (size_t)1 << 20);
	CHECK(read_file(
		file_of((struct lk_bytes) { (const uint8_t *)text, n }), LK_LINES_JSON, &found));
	CHECK(strncmp((const char *)found.data, "1:a@x|nnn", 9) == 0);
	CHECK(strstr((const char *)found.data, "\n2:a@x|nnn") != NULL);
	CHECK(strstr((const char *)found.data, "\n3:! the line is too long\n4:b@x|||||\n") != NULL);
	lk_buf_fini(&found);
	free(text);
}

TEST(a_file_that_cannot_be_read_is_not_complete)
{
	struct lk_buf found;
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	close(fds[0]);
	lk_buf_init(&found, 4096);
	CHECK(!read_file(fds[1], LK_LINES_JSON, &found));
	CHECK_STR((const char *)found.data, "1:! the file cannot be read\n");
	lk_buf_fini(&found);
}

/* --- checks --- */

static struct lk_status check_user(const char *email, const char *hash)
{
	Latchkey__Cli__UserLine user = LATCHKEY__CLI__USER_LINE__INIT;

	user.email = (char *)(uintptr_t)email;
	user.password_hash = (char *)(uintptr_t)hash;
	return lk_import_check(&user);
}

TEST(an_address_is_checked_as_the_server_does)
{
	static const char *const right[] = { "a@b", " Ada@Example.org ", "\xc3\xa4@x" };
	static const char *const wrong[] = { "", " ", "@", "a@", "@b", "a", "a@b@c", "a b@c",
		"a@b\n", "a@\x7f", "a@\xc2\x85" };

	for (size_t i = 0; i < LK_COUNT(right); i++)
		CHECK_OK(check_user(right[i], ""));
	for (size_t i = 0; i < LK_COUNT(wrong); i++) {
		struct lk_status st = check_user(wrong[i], "");

		CHECK_CODE(st, LK_INVALID_ARGUMENT);
		CHECK_STR(st.field, "email");
	}
}

TEST(a_hash_must_begin_as_one_does)
{
	static const char *const right[] = { "", "$argon2id$v=19", "$argon2i$", "$2a$", "$2b$12$x",
		"$2y$", "$scrypt$ln=16", "$7$", "$pbkdf2-sha256$", "$pbkdf2-sha512$",
		"pbkdf2_sha256$6", "$6$salt$" };
	static const char *const wrong[] = { "secret", "$1$md5", "$5$", "$2x$", "{SSHA}abc",
		"5f4dcc3b5aa765d61d8327deb882cf99", " $6$" };

	for (size_t i = 0; i < LK_COUNT(right); i++)
		CHECK_OK(check_user("a@b", right[i]));
	for (size_t i = 0; i < LK_COUNT(wrong); i++) {
		struct lk_status st = check_user("a@b", wrong[i]);

		CHECK_CODE(st, LK_INVALID_ARGUMENT);
		CHECK_STR(st.field, "password_hash");
	}
}

TEST(an_address_is_seen_once_however_it_is_written)
{
	struct lk_seen seen;

	lk_seen_init(&seen);
	CHECK_OK(lk_seen_add(&seen, "Ada@example.org"));
	CHECK_OK(lk_seen_add(&seen, "bob@example.org"));
	CHECK_OK(lk_seen_add(&seen, "\xc3\x84@example.org"));
	CHECK_OK(lk_seen_add(&seen, "\xc3\xa4@example.org"));
	CHECK_CODE(lk_seen_add(&seen, " ada@EXAMPLE.org "), LK_ALREADY_EXISTS);
	CHECK_CODE(lk_seen_add(&seen, "bob@example.org"), LK_ALREADY_EXISTS);
	lk_seen_fini(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(columns_go_by_their_names_in_any_order),
		RUN(a_wrong_record_is_refused_alone),
		RUN(a_wrong_header_lets_nothing_in),
		RUN(nothing_is_read_behind_broken_csv),
		RUN(each_line_is_an_object_of_json),
		RUN(a_wrong_line_of_json_is_refused_alone),
		RUN(lines_end_anywhere_in_what_is_read_at_once),
		RUN(a_file_that_cannot_be_read_is_not_complete),
		RUN(an_address_is_checked_as_the_server_does),
		RUN(a_hash_must_begin_as_one_does),
		RUN(an_address_is_seen_once_however_it_is_written),
	};

	return RUN_ALL(tests);
}
