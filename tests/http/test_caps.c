/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <pthread.h>

#include "client/bridge/http_caps.h"
#include "proto/wire/arena.h"
#include "tests/support/check.h"

#define MANY 500
#define PER_ADDRESS 3

struct address {
	uint8_t bytes[16];
};

static struct address address(const char *text)
{
	struct address address = { 0 };

	CHECK(inet_pton(AF_INET6, text, address.bytes) == 1);
	return address;
}

static bool enters(struct lk_http_caps *caps, const char *text)
{
	return lk_http_caps_enter(caps, address(text).bytes);
}

static void leaves(struct lk_http_caps *caps, const char *text)
{
	lk_http_caps_leave(caps, address(text).bytes);
}

TEST(so_many_may_enter_in_total_wherever_they_come_from)
{
	struct lk_http_caps *caps = lk_http_caps_new(2, 2);

	CHECK(enters(caps, "::1"));
	CHECK(enters(caps, "::ffff:192.0.2.1"));
	CHECK(!enters(caps, "::ffff:192.0.2.2"));
	CHECK(!enters(caps, "::ffff:127.0.0.1"));
	leaves(caps, "::1");
	CHECK(enters(caps, "::ffff:192.0.2.2"));
	CHECK_EQ(lk_http_caps_count(caps), 2);
	lk_http_caps_free(caps);
}

TEST(an_ipv4_address_counts_for_itself)
{
	struct lk_http_caps *caps = lk_http_caps_new(100, 1);

	CHECK(enters(caps, "::ffff:192.0.2.1"));
	CHECK(!enters(caps, "::ffff:192.0.2.1"));
	CHECK(enters(caps, "::ffff:192.0.2.2"));
	leaves(caps, "::ffff:192.0.2.1");
	CHECK(enters(caps, "::ffff:192.0.2.1"));
	lk_http_caps_free(caps);
}

TEST(ipv6_addresses_of_one_64_count_as_one)
{
	struct lk_http_caps *caps = lk_http_caps_new(100, 2);

	CHECK(enters(caps, "2001:db8::1"));
	CHECK(enters(caps, "2001:db8::ffff:2"));
	CHECK(!enters(caps, "2001:db8::3"));
	CHECK(enters(caps, "2001:db8:0:1::3"));
	leaves(caps, "2001:db8::1");
	CHECK(enters(caps, "2001:db8::4"));
	lk_http_caps_free(caps);
}

TEST(loopback_counts_in_the_total_only)
{
	struct lk_http_caps *caps = lk_http_caps_new(100, 1);

	for (int i = 0; i < 10; i++)
		CHECK(enters(caps, "::1") && enters(caps, "::ffff:127.0.0.1") &&
			enters(caps, "::ffff:127.1.2.3"));
	CHECK_EQ(lk_http_caps_count(caps), 30);
	lk_http_caps_free(caps);
}

TEST(without_a_limit_per_address_only_the_total_counts)
{
	struct lk_http_caps *caps = lk_http_caps_new(10, 0);

	for (int i = 0; i < 10; i++)
		CHECK(enters(caps, "::ffff:192.0.2.1"));
	CHECK(!enters(caps, "::ffff:192.0.2.1"));
	lk_http_caps_free(caps);
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* The table is small and full, so that addresses meet and move when others go. */
TEST(counts_stay_right_whoever_comes_and_goes)
{
	struct lk_http_caps *caps = lk_http_caps_new(MANY, PER_ADDRESS);
	uint32_t counts[MANY] = { 0 }, total = 0, seed = 1;

	for (int i = 0; i < 200000; i++) {
		uint32_t who = next(&seed) % MANY;
		struct address from = address("::ffff:192.0.0.0");
		bool fits = total < MANY && counts[who] < PER_ADDRESS;

		from.bytes[14] = (uint8_t)(who >> 8);
		from.bytes[15] = (uint8_t)who;
		if (next(&seed) % 2 == 0) {
			CHECK_EQ(lk_http_caps_enter(caps, from.bytes), fits);
			counts[who] += fits;
			total += fits;
		} else if (counts[who] > 0) {
			lk_http_caps_leave(caps, from.bytes);
			counts[who]--;
			total--;
		}
		CHECK_EQ(lk_http_caps_count(caps), total);
	}
	lk_http_caps_free(caps);
}

static void *come_and_go(void *arg)
{
	for (int i = 0; i < 10000; i++)
		if (enters(arg, "::ffff:192.0.2.1"))
			leaves(arg, "::ffff:192.0.2.1");
	leaves(arg, "::1");
	lk_http_caps_close_door(arg);
	return NULL;
}

TEST(waiting_ends_when_the_last_one_has_left_and_every_door_is_closed)
{
	struct lk_http_caps *caps = lk_http_caps_new(100, 2);
	pthread_t threads[4];

	for (size_t i = 0; i < LK_COUNT(threads); i++) {
		lk_http_caps_open_door(caps);
		CHECK(enters(caps, "::1"));
	}
	CHECK(!lk_http_caps_wait(caps, 1));
	for (size_t i = 0; i < LK_COUNT(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, come_and_go, caps), 0);
	CHECK(lk_http_caps_wait(caps, 60000));
	for (size_t i = 0; i < LK_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(lk_http_caps_count(caps), 0);
	lk_http_caps_free(caps);
}

TEST(without_memory_there_are_no_caps)
{
	for (unsigned long nth = 1; nth <= 2; nth++) {
		lk_alloc_fail_nth(nth);
		CHECK(lk_http_caps_new(100, 2) == NULL);
		CHECK(lk_alloc_fail_nth(0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(so_many_may_enter_in_total_wherever_they_come_from),
		RUN(an_ipv4_address_counts_for_itself),
		RUN(ipv6_addresses_of_one_64_count_as_one),
		RUN(loopback_counts_in_the_total_only),
		RUN(without_a_limit_per_address_only_the_total_counts),
		RUN(counts_stay_right_whoever_comes_and_goes),
		RUN(waiting_ends_when_the_last_one_has_left_and_every_door_is_closed),
		RUN(without_memory_there_are_no_caps),
	};

	return RUN_ALL(tests);
}
