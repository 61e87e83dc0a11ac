/* SPDX-License-Identifier: MIT */
#include <dirent.h>

#include "client/bridge/http.h"
#include "tests/support/check.h"

static size_t body_max(void *arg, const struct lk_http_exchange *exchange)
{
	return 0;
}

static void handle(void *arg, struct lk_http_exchange *exchange)
{
	lk_http_send(exchange, &(struct lk_http_answer) { .status = 200 });
}

static void refuse(void *arg, struct lk_http_exchange *exchange, unsigned status, const char *why)
{
	lk_http_send(exchange, &(struct lk_http_answer) { .status = status });
}

static struct lk_http_options options(const struct lk_http_address *addresses, size_t n)
{
	return (struct lk_http_options) {
		.addresses = addresses,
		.n_addresses = n,
		.loops = 2,
		.connections_per_address_max = 10,
		.body_max = body_max,
		.handle = handle,
		.refuse = refuse,
	};
}

static unsigned count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned n = 0;

	CHECK(directory != NULL);
	while (readdir(directory) != NULL)
		n++;
	closedir(directory);
	return n;
}

static const struct lk_http_address ours[] = { { "127.0.0.1:0", NULL }, { "*:0", NULL } };

TEST(starting_and_stopping_can_be_repeated)
{
	struct lk_http_options two = options(ours, LK_COUNT(ours));
	unsigned before = count_descriptors();

	for (int i = 0; i < 20; i++) {
		struct lk_http *http;

		CHECK_OK(lk_http_start(&two, &http));
		CHECK(lk_http_port(http, 0) != 0 && lk_http_port(http, 1) != 0);
		if (i % 2 == 0)
			CHECK(lk_http_drain(http, 60000));
		lk_http_stop(http);
	}
	CHECK_EQ(count_descriptors(), before);
}

TEST(a_start_that_fails_leaves_nothing_behind)
{
	static const struct lk_http_address bad[] = { { "127.0.0.1:0", NULL },
		{ "nonsense", NULL } };
	struct lk_http_options two = options(bad, LK_COUNT(bad));
	unsigned before = count_descriptors();
	struct lk_http *http = NULL;

	CHECK_CODE(lk_http_start(&two, &http), LK_INVALID_ARGUMENT);
	CHECK(http == NULL);
	CHECK_EQ(count_descriptors(), before);
	two.n_addresses = 0;
	CHECK_CODE(lk_http_start(&two, &http), LK_INVALID_ARGUMENT);
}

TEST(a_start_that_lacks_memory_leaves_nothing_behind)
{
	struct lk_http_options two = options(ours, LK_COUNT(ours));
	unsigned before = count_descriptors();
	unsigned long nth = 0;
	bool fired = true;

	while (fired) {
		struct lk_http *http = NULL;
		struct lk_status status;

		lk_alloc_fail_nth(++nth);
		status = lk_http_start(&two, &http);
		fired = lk_alloc_fail_nth(0);
		CHECK_CODE(status, fired ? LK_RESOURCE_EXHAUSTED : LK_OK);
		lk_http_stop(http);
		CHECK_EQ(count_descriptors(), before);
	}
	CHECK(nth > 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(starting_and_stopping_can_be_repeated),
		RUN(a_start_that_fails_leaves_nothing_behind),
		RUN(a_start_that_lacks_memory_leaves_nothing_behind),
	};

	return RUN_ALL(tests);
}
