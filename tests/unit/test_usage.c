/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "tests/support/core_fixture.h"

static struct lk_key_view key;
static struct lk_key_text secret;

static struct lk_committer *start(struct fixture *f)
{
	struct lk_committer_options options = { .store = f->store };
	struct lk_committer *committer;

	fixture_init(f);
	options.store = f->store;
	CHECK_OK(lk_committer_start(&options, &committer));
	return committer;
}

static void create(struct fixture *f)
{
	struct lk_key_spec spec = fixture_spec();

	CHECK_OK(fixture_create(f, &spec, &key, &secret));
}

static void use_at(struct fixture *f, const char *text, lk_time_ms now, const char *address)
{
	struct lk_auth_request request = { .now = now,
		.client_address = text_of(address),
		.user_agent = text_of("curl/8\x1b[0m") };

	CHECK_EQ(fixture_verify(f, text, request), LK_DENY_NONE);
}

static void flush(struct fixture *f, struct lk_committer *committer)
{
	bool more;

	CHECK_OK(lk_usage_flush(f->usage, f->index, committer, &more));
	CHECK(!more);
	CHECK_OK(lk_keys_get(&f->call, f->store, key.id, &key));
}

static bool is_text(struct lk_bytes bytes, const char *text)
{
	return bytes.n == strlen(text) && memcmp(bytes.data, text, bytes.n) == 0;
}

TEST(a_flushed_use_shows_when_and_from_where)
{
	struct fixture f;
	struct lk_committer *committer = start(&f);

	create(&f);
	use_at(&f, secret.text, NOW + 1500, "::ffff:192.0.2.1");
	flush(&f, committer);
	CHECK(key.current_use != NULL);
	CHECK_EQ(key.current_use->at_ms, NOW + 1000);
	CHECK(is_text(key.current_use->client_address, "192.0.2.1"));
	CHECK(is_text(key.current_use->user_agent, "curl/8?[0m"));
	CHECK(key.previous_use == NULL);
	lk_committer_stop(committer);
	fixture_fini(&f);
}

TEST(a_time_of_use_never_goes_back)
{
	struct fixture f;
	struct lk_committer *committer = start(&f);

	create(&f);
	use_at(&f, secret.text, NOW + 5000, "192.0.2.1");
	use_at(&f, secret.text, NOW + 2000, "192.0.2.2");
	flush(&f, committer);
	CHECK_EQ(key.current_use->at_ms, NOW + 5000);
	CHECK(is_text(key.current_use->client_address, "192.0.2.1"));
	/* Nor in the store, when an index that starts afresh saw an earlier use. */
	CHECK_OK(lk_index_load(f.index, f.store));
	lk_index_free(f.index);
	CHECK_OK(lk_index_new(f.realms, &f.peppers, &f.index));
	CHECK_OK(lk_index_load(f.index, f.store));
	use_at(&f, secret.text, NOW + 3000, "192.0.2.3");
	flush(&f, committer);
	CHECK_EQ(key.current_use->at_ms, NOW + 5000);
	CHECK(is_text(key.current_use->client_address, "192.0.2.1"));
	lk_committer_stop(committer);
	fixture_fini(&f);
}

TEST(each_secret_of_a_rotated_key_has_its_own_use)
{
	struct lk_key_rotation rotation = { .grace_ms = 60000 };
	struct lk_key_text second;
	struct fixture f;
	struct lk_committer *committer = start(&f);

	create(&f);
	rotation.id = key.id;
	CHECK_OK(fixture_commit(&f, lk_keys_rotate(&f.call, f.txn, &rotation, &key, &second)));
	use_at(&f, secret.text, NOW + 1000, "192.0.2.1");
	use_at(&f, second.text, NOW + 2000, "192.0.2.2");
	flush(&f, committer);
	CHECK_EQ(key.previous_use->at_ms, NOW + 1000);
	CHECK_EQ(key.current_use->at_ms, NOW + 2000);
	CHECK_OK(fixture_commit(&f, lk_keys_rotate(&f.call, f.txn, &rotation, &key, &secret)));
	CHECK(key.current_use == NULL);
	CHECK_EQ(key.previous_use->at_ms, NOW + 2000);
	use_at(&f, secret.text, NOW + 3000, "192.0.2.3");
	flush(&f, committer);
	CHECK_EQ(key.current_use->at_ms, NOW + 3000);
	CHECK_EQ(key.previous_use->at_ms, NOW + 2000);
	lk_committer_stop(committer);
	fixture_fini(&f);
}

TEST(a_denied_request_is_not_a_use)
{
	static const char *const wanted[] = { "a.b.c" };
	struct lk_auth_request request = { .permissions = wanted, .n_permissions = 1 };
	struct fixture f;
	struct lk_committer *committer = start(&f);

	create(&f);
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_PERMISSION_DENIED);
	flush(&f, committer);
	CHECK(key.current_use == NULL);
	lk_committer_stop(committer);
	fixture_fini(&f);
}

TEST(a_use_that_could_not_be_written_is_written_by_a_later_flush)
{
	struct fixture f;
	struct lk_committer *committer = start(&f);
	bool fired = true;

	create(&f);
	for (unsigned long nth = 1; fired; nth++) {
		lk_time_ms now = NOW + (lk_time_ms)nth * 1000;
		struct lk_status st;
		bool more;

		use_at(&f, secret.text, now, "192.0.2.1");
		lk_alloc_fail_nth(nth);
		st = lk_usage_flush(f.usage, f.index, committer, &more);
		fired = lk_alloc_fail_nth(0);
		CHECK(st.code == LK_OK || fired);
		flush(&f, committer);
		CHECK_EQ(key.current_use->at_ms, now);
		lk_arena_reset(&f.arena);
	}
	lk_committer_stop(committer);
	fixture_fini(&f);
}

TEST(a_use_is_outside_the_change_log)
{
	struct fixture f;
	struct lk_committer *committer = start(&f);
	size_t bytes;

	create(&f);
	bytes = lk_index_stats(f.index).bytes;
	use_at(&f, secret.text, NOW, "192.0.2.1");
	flush(&f, committer);
	CHECK_OK(lk_index_catch_up(f.index, f.store, lk_index_seq(f.index) + 1));
	CHECK_EQ(lk_index_stats(f.index).bytes, bytes);
	lk_committer_stop(committer);
	fixture_fini(&f);
}

TEST(a_long_user_agent_is_cut_at_a_character)
{
	struct lk_auth_request request = { .now = NOW };
	char agent[200];
	struct fixture f;
	struct lk_committer *committer = start(&f);

	create(&f);
	memset(agent, 'a', sizeof agent);
	memcpy(agent + LK_USER_AGENT_MAX - 1, "\xc3\xa4", 2);
	request.user_agent = (struct lk_bytes) { (const uint8_t *)agent, sizeof agent };
	CHECK_EQ(fixture_verify(&f, secret.text, request), LK_DENY_NONE);
	flush(&f, committer);
	CHECK_EQ(key.current_use->user_agent.n, LK_USER_AGENT_MAX - 1);
	CHECK_EQ(key.current_use->client_address.n, 0);
	lk_committer_stop(committer);
	fixture_fini(&f);
}

struct callers {
	struct fixture *f;
	atomic_bool stop;
};

static void *use_until_stopped(void *arg)
{
	struct callers *callers = arg;
	lk_time_ms now = NOW;

	while (!atomic_load(&callers->stop)) {
		now += 1000;
		use_at(callers->f, secret.text, now, "192.0.2.1");
	}
	return NULL;
}

TEST(uses_are_noted_while_they_are_flushed)
{
	pthread_t threads[2];
	struct callers callers;
	struct fixture f;
	struct lk_committer *committer = start(&f);
	lk_time_ms last = 0;

	create(&f);
	callers = (struct callers) { .f = &f };
	for (size_t i = 0; i < LK_COUNT(threads); i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, use_until_stopped, &callers), 0);
	for (int i = 0; i < 50;) {
		flush(&f, committer);
		if (key.current_use != NULL) {
			CHECK(key.current_use->at_ms >= last);
			last = key.current_use->at_ms;
			i++;
		}
		lk_arena_reset(&f.arena);
	}
	atomic_store(&callers.stop, true);
	for (size_t i = 0; i < LK_COUNT(threads); i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	lk_committer_stop(committer);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_flushed_use_shows_when_and_from_where),
		RUN(a_time_of_use_never_goes_back),
		RUN(each_secret_of_a_rotated_key_has_its_own_use),
		RUN(a_denied_request_is_not_a_use),
		RUN(a_use_that_could_not_be_written_is_written_by_a_later_flush),
		RUN(a_use_is_outside_the_change_log),
		RUN(a_long_user_agent_is_cut_at_a_character),
		RUN(uses_are_noted_while_they_are_flushed),
	};

	return RUN_ALL(tests);
}
