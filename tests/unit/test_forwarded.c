/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "client/bridge/forwarded.h"
#include "tests/support/check.h"

static const char *const trusted_texts[] = { "127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48" };

/* A head with these lines, "Name: value" each; NULL ends them. */
static struct lk_forwarded read_from(const char *peer_text, const char *const *lines)
{
	struct lk_network trusted[LK_COUNT(trusted_texts)];
	struct lk_http_head head = { 0 };
	struct lk_forwarded forwarded;
	struct lk_address peer;
	char bytes[2048] = "";
	size_t n = 0;

	for (size_t i = 0; i < LK_COUNT(trusted); i++)
		CHECK_OK(lk_network_parse(lk_bytes_of(trusted_texts[i]), &trusted[i]));
	CHECK(lk_address_parse(lk_bytes_of(peer_text), &peer));
	for (; *lines != NULL; lines++) {
		const char *colon = strchr(*lines, ':');
		size_t name_n = (size_t)(colon - *lines), line_n = strlen(*lines);

		memcpy(bytes + n, *lines, line_n);
		head.lines[head.n_lines++] = (struct lk_http_line) {
			.name = { (uint16_t)n, (uint16_t)name_n },
			.value = { (uint16_t)(n + name_n + 2), (uint16_t)(line_n - name_n - 2) },
		};
		n += line_n;
	}
	lk_forwarded_read(&head, (struct lk_bytes) { (uint8_t *)bytes, n }, &peer, trusted,
		LK_COUNT(trusted), &forwarded);
	return forwarded;
}

#define LINES(...) ((const char *const[]) { __VA_ARGS__, NULL })

static void check_client(const char *peer, const char *const *lines, const char *expected)
{
	struct lk_forwarded forwarded = read_from(peer, lines);

	CHECK_STR(forwarded.client, expected);
}

static void check_https(const char *peer, const char *const *lines, bool expected)
{
	CHECK_EQ(read_from(peer, lines).is_https, expected);
}

TEST(without_a_header_the_client_is_the_peer)
{
	check_client("192.0.2.1", LINES("Host: a"), "192.0.2.1");
	check_client("10.1.2.3", LINES("Host: a"), "10.1.2.3");
	check_https("10.1.2.3", LINES("Host: a"), false);
}

TEST(an_untrusted_peer_is_not_believed)
{
	check_client("192.0.2.1", LINES("X-Forwarded-For: 198.51.100.7"), "192.0.2.1");
	check_client("192.0.2.1", LINES("X-Forwarded-For: rubbish"), "192.0.2.1");
	check_client("::1", LINES("X-Forwarded-For: 198.51.100.7"), "::1");
	check_https("192.0.2.1", LINES("X-Forwarded-Proto: https"), false);
}

TEST(the_client_is_the_last_address_that_is_no_trusted_proxy)
{
	check_client("127.0.0.1", LINES("X-Forwarded-For: 198.51.100.7"), "198.51.100.7");
	check_client("127.0.0.1", LINES("X-Forwarded-For: 1.2.3.4, 198.51.100.7"), "198.51.100.7");
	check_client("127.0.0.1",
		LINES("X-Forwarded-For: 1.2.3.4 ,198.51.100.7\t, 10.9.9.9,10.1.1.1"),
		"198.51.100.7");
	check_client("2001:db8:1::5", LINES("X-Forwarded-For: 2001:db8:2::1, 2001:db8:1::9"),
		"2001:db8:2::1");
	check_client("::ffff:127.0.0.1", LINES("x-forwarded-for: ::ffff:192.0.2.1"), "192.0.2.1");
}

TEST(several_lines_are_one_list)
{
	check_client("127.0.0.1",
		LINES("X-Forwarded-For: 1.2.3.4, 198.51.100.7", "X-Other: 5.6.7.8",
			"X-FORWARDED-FOR: 10.9.9.9, 10.1.1.1"),
		"198.51.100.7");
	check_client("127.0.0.1",
		LINES("X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 198.51.100.7"), "198.51.100.7");
}

TEST(where_all_are_trusted_the_client_is_the_farthest)
{
	check_client("127.0.0.1", LINES("X-Forwarded-For: 10.0.0.3, 10.0.0.2"), "10.0.0.3");
	check_client("127.0.0.1",
		LINES("X-Forwarded-For: 10.0.0.4", "X-Forwarded-For: 10.0.0.3, 10.0.0.2"),
		"10.0.0.4");
}

TEST(a_client_behind_an_entry_that_is_no_address_is_unknown)
{
	static const char *const entries[] = { "", " ", "unknown", "_hidden", "192.0.2.1:80",
		"[2001:db8::1]", "[2001:db8::1]:80", "\"192.0.2.1\"", "192.0.2.01", "192.0.2",
		"192.0.2.1/32", "192.0.2.1 192.0.2.2", "fe80::1%eth0", "localhost" };
	char line[128];

	for (size_t i = 0; i < LK_COUNT(entries); i++) {
		snprintf(line, sizeof line, "X-Forwarded-For: %s", entries[i]);
		check_client("127.0.0.1", LINES(line), "");
		snprintf(line, sizeof line, "X-Forwarded-For: 1.2.3.4,%s,10.1.1.1", entries[i]);
		check_client("127.0.0.1", LINES(line), "");
		check_client("127.0.0.1", LINES("X-Forwarded-For: 1.2.3.4", line), "");
		/* It does not matter where nobody is believed any more. */
		snprintf(line, sizeof line, "X-Forwarded-For: %s, 1.2.3.4, 10.1.1.1", entries[i]);
		check_client("127.0.0.1", LINES(line), "1.2.3.4");
		check_client("127.0.0.1", LINES(line, "X-Forwarded-For: 10.2.2.2"), "1.2.3.4");
	}
}

TEST(other_headers_tell_nothing_about_the_client)
{
	check_client("127.0.0.1",
		LINES("Forwarded: for=1.2.3.4", "X-Real-IP: 1.2.3.4", "X-Forwarded: 1.2.3.4",
			"X-Forwarded-For2: 1.2.3.4", "X-Client-IP: 1.2.3.4"),
		"127.0.0.1");
}

TEST(https_is_what_a_trusted_peer_says_once)
{
	check_https("127.0.0.1", LINES("X-Forwarded-Proto: https"), true);
	check_https(
		"127.0.0.1", LINES("x-forwarded-proto: HTTPS", "X-Forwarded-For: 1.2.3.4"), true);
	check_https(
		"127.0.0.1", LINES("X-Forwarded-For: rubbish", "X-Forwarded-Proto: https"), true);
	check_https("127.0.0.1", LINES("X-Forwarded-Proto: http"), false);
	check_https("127.0.0.1", LINES("X-Forwarded-Proto: "), false);
	check_https("127.0.0.1", LINES("X-Forwarded-Proto: https, http"), false);
	check_https(
		"127.0.0.1", LINES("X-Forwarded-Proto: https", "X-Forwarded-Proto: https"), false);
	check_https(
		"127.0.0.1", LINES("X-Forwarded-Proto: https", "X-Forwarded-Proto: http"), false);
	check_https("127.0.0.1", LINES("X-Forwarded-Ssl: on", "X-Forwarded-Scheme: https"), false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(without_a_header_the_client_is_the_peer),
		RUN(an_untrusted_peer_is_not_believed),
		RUN(the_client_is_the_last_address_that_is_no_trusted_proxy),
		RUN(several_lines_are_one_list),
		RUN(where_all_are_trusted_the_client_is_the_farthest),
		RUN(a_client_behind_an_entry_that_is_no_address_is_unknown),
		RUN(other_headers_tell_nothing_about_the_client),
		RUN(https_is_what_a_trusted_peer_says_once),
	};

	return RUN_ALL(tests);
}
