/* SPDX-License-Identifier: MIT */
#include "client/bridge/headers.h"
#include "tests/support/exchange.h"

/* "A: " and the value, as a head has it. */
static struct lk_buf put(const char *value)
{
	struct lk_buf buf;

	lk_buf_init(&buf, 4096);
	lk_put_header(&buf, "A", value);
	return buf;
}

static void check_put(const char *value, const char *expected)
{
	struct lk_buf buf = put(value);
	char line[256];

	snprintf(line, sizeof line, "A: %s\r\n", expected);
	check_buf(&buf, line);
	lk_buf_fini(&buf);
}

TEST(a_value_of_visible_ascii_stays_as_it_is)
{
	check_put("", "");
	check_put("user_1", "user_1");
	check_put("!\"#$&'()*+-./:;<=>?@[\\]^_`{|}~", "!\"#$&'()*+-./:;<=>?@[\\]^_`{|}~");
}

TEST(a_value_cannot_make_a_second_line_or_a_second_value)
{
	check_put("a\r\nB: c", "a%0D%0AB:%20c");
	check_put("\n", "%0A");
	check_put("a\r", "a%0D");
	check_put("a,b", "a%2Cb");
	check_put(" a\t", "%20a%09");
	check_put("\x7f", "%7F");
}

TEST(a_value_that_looks_escaped_is_told_from_one_that_is)
{
	check_put("%2C", "%252C");
	check_put("%", "%25");
	check_put("100%,", "100%25%2C");
}

TEST(a_value_is_ascii)
{
	check_put("caf\303\251", "caf%C3%A9");
	check_put("\377\200", "%FF%80");
}

static uint8_t digit_of(uint8_t c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'A' + 10);
}

TEST(every_byte_can_be_read_back)
{
	uint8_t all[256], read[256];
	struct lk_buf buf;
	size_t n = 0;

	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (uint8_t)(i * 7);
	lk_buf_init(&buf, 4096);
	lk_put_value(&buf, (struct lk_bytes) { all, sizeof all });
	for (size_t i = 0; i < buf.n; n++) {
		uint8_t byte = buf.data[i];

		CHECK(n < sizeof read && byte > ' ' && byte < 0x7f && byte != ',');
		if (byte == '%')
			byte = (uint8_t)(digit_of(buf.data[i + 1]) << 4 |
					 digit_of(buf.data[i + 2]));
		i += buf.data[i] == '%' ? 3 : 1;
		read[n] = byte;
	}
	CHECK_EQ(n, sizeof all);
	CHECK_MEM(read, all, n);
	lk_buf_fini(&buf);
}

TEST(lines_follow_each_other)
{
	struct lk_buf buf;

	lk_buf_init(&buf, 4096);
	lk_put_header(&buf, "A", "b c");
	lk_put_header_raw(&buf, "D", "e, f");
	lk_put_header_bytes(&buf, "G", lk_bytes_of("h"));
	lk_put_header_bytes(&buf, "I", (struct lk_bytes) { NULL, 0 });
	check_buf(&buf, "A: b%20c\r\nD: e, f\r\nG: h\r\nI: \r\n");
	lk_buf_fini(&buf);
}

TEST(what_does_not_fit_is_told)
{
	struct lk_buf buf;

	for (size_t cap = 0; cap < sizeof "A: b%20c\r\n" - 1; cap++) {
		lk_buf_init(&buf, cap);
		lk_put_header(&buf, "A", "b c");
		CHECK(buf.failed);
		lk_buf_fini(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_value_of_visible_ascii_stays_as_it_is),
		RUN(a_value_cannot_make_a_second_line_or_a_second_value),
		RUN(a_value_that_looks_escaped_is_told_from_one_that_is),
		RUN(a_value_is_ascii),
		RUN(every_byte_can_be_read_back),
		RUN(lines_follow_each_other),
		RUN(what_does_not_fit_is_told),
	};

	return RUN_ALL(tests);
}
