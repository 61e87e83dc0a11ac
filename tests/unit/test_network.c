/* SPDX-License-Identifier: MIT */
#include "proto/wire/network.h"
#include "tests/support/check.h"

static struct lk_bytes text_of(const char *text)
{
	return (struct lk_bytes) { (const uint8_t *)text, strlen(text) };
}

TEST(a_network_has_one_canonical_text)
{
	static const struct {
		const char *text;
		const char *canonical;
	} rows[] = {
		{ "192.0.2.7", "192.0.2.7" },
		{ "192.0.2.7/32", "192.0.2.7" },
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "::ffff:192.0.2.7", "192.0.2.7" },
		{ "::ffff:192.0.2.0/120", "192.0.2.0/24" },
		{ "::FFFF:0:0/96", "0.0.0.0/0" },
		{ "2001:DB8:0:0::/32", "2001:db8::/32" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "::/0", "::/0" },
		{ "::1/128", "::1" },
	};

	for (size_t i = 0; i < LK_COUNT(rows); i++) {
		char text[LK_NETWORK_TEXT_SIZE];
		struct lk_network network;
		struct lk_network again;

		CHECK_OK(lk_network_parse(text_of(rows[i].text), &network));
		lk_network_format(&network, text);
		CHECK_STR(text, rows[i].canonical);
		CHECK_OK(lk_network_parse(text_of(text), &again));
		CHECK_MEM(&again, &network, sizeof network);
	}
}

TEST(what_is_not_quite_a_network_is_refused)
{
	static const char *const texts[] = { "", "/", "/8", "10.0.0.0/", "10.0.0.0/33",
		"10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8 ", " 10.0.0.0/8",
		"10.0.0.0/8/8", "10.0.0.1/8", "10.0.0.0/256", "10.0.0.0/4294967304", "010.0.0.0/8",
		"10.0.0.00", "10.0.0", "10", "10.0.0.0.0", "256.0.0.0", "0x0a.0.0.0", "1.2.3.4:80",
		"[::1]", "::1%lo", "fe80::1%eth0/64", "2001:db8::1/32", "::/129", "::g",
		":::", "1::2::3", "::ffff:10.0.0.1/104", "::ffff:010.0.0.0", "example.org", "*",
		"10.0.0.0\n", "1111:2222:3333:4444:5555:6666:7777:8888:9999" };
	struct lk_network network;

	for (size_t i = 0; i < LK_COUNT(texts); i++) {
		struct lk_status st = lk_network_parse(text_of(texts[i]), &network);

		CHECK_CODE(st, LK_INVALID_ARGUMENT);
		CHECK_STR(st.field, "networks");
	}
	CHECK_CODE(lk_network_parse(
			   (struct lk_bytes) { (const uint8_t *)"10.0.0.1\0x", 10 }, &network),
		LK_INVALID_ARGUMENT);
}

TEST(a_network_contains_its_addresses_and_no_others)
{
	static const struct {
		const char *network;
		const char *address;
		bool contains;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/8", "9.255.255.255", false },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
		{ "10.0.0.0/8", "::10.1.2.3", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.7", "192.0.2.6", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "::1", true },
		{ "::/0", "10.0.0.1", false },
		{ "::/80", "10.0.0.1", false },
		{ "::ffff:10.0.0.0/104", "10.9.9.9", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::1", "2001:db8::2", false },
	};

	for (size_t i = 0; i < LK_COUNT(rows); i++) {
		struct lk_network network;
		struct lk_address address;

		CHECK_OK(lk_network_parse(text_of(rows[i].network), &network));
		CHECK(lk_address_parse(text_of(rows[i].address), &address));
		CHECK_EQ(lk_network_contains(&network, &address), rows[i].contains);
	}
}

TEST(an_address_is_not_a_network)
{
	struct lk_address address;

	CHECK(!lk_address_parse(text_of("10.0.0.0/8"), &address));
	CHECK(!lk_address_parse(text_of(""), &address));
	CHECK(lk_address_parse(text_of("2001:db8::1"), &address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_network_has_one_canonical_text),
		RUN(what_is_not_quite_a_network_is_refused),
		RUN(a_network_contains_its_addresses_and_no_others),
		RUN(an_address_is_not_a_network),
	};

	return RUN_ALL(tests);
}
