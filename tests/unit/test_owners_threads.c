/* SPDX-License-Identifier: MIT */
/* Readers verify while a writer changes people and organisations: once a change is acknowledged,
 * whatever verification begins must show it.
 *
 * The writer publishes what is true between two changes. A reader whose verification began and
 * ended under the same truth must have found just that. */
#include <pthread.h>
#include <sched.h>

#include "tests/support/people_fixture.h"

#define READERS 2
#define ROUNDS 140
#define CHANGING 0xff /* in the place of a reason */

struct shared {
	struct fixture f;
	const char *credentials[2];
	atomic_uint truth;           /* a number that grows with each, times 256, and the reason */
	atomic_uint passes[READERS]; /* that began and ended under one truth */
	atomic_uint wrong;
	atomic_bool stop;
};

struct reader {
	struct shared *shared;
	size_t number;
	pthread_t thread;
};

/* What the writer changes. */
struct state {
	bool user_enabled;
	bool organization_enabled;
	bool is_writer;
};

static struct shared shared;
static struct lk_user_view user;

static enum lk_deny_reason verify(const char *credential)
{
	static const char *const permissions[] = { "records.write" };
	struct lk_verifier verifier = { .index = shared.f.index, .peppers = &shared.f.peppers };
	struct lk_bytes bytes = text_of(credential);
	struct lk_auth_request request = { .realm = shared.f.call.realm,
		.credentials = &bytes,
		.n_credentials = 1,
		.permissions = permissions,
		.n_permissions = 1,
		.now = NOW };
	struct lk_verdict verdict;
	struct lk_status st;

	lk_index_enter();
	st = lk_authenticate(&verifier, &request, &verdict);
	lk_index_leave();
	return st.code == LK_OK ? verdict.reason : LK_DENY_NONE;
}

static void *verify_until_stopped(void *arg)
{
	const struct reader *reader = arg;

	while (!atomic_load(&shared.stop)) {
		unsigned before = atomic_load(&shared.truth);
		unsigned found[LK_COUNT(shared.credentials)];

		for (size_t i = 0; i < LK_COUNT(found); i++)
			found[i] = verify(shared.credentials[i]);
		/* There may be fewer processors than threads, and the writer waits for all. */
		sched_yield();
		if (before % 256 == CHANGING || atomic_load(&shared.truth) != before)
			continue;
		for (size_t i = 0; i < LK_COUNT(found); i++)
			if (found[i] != before % 256)
				atomic_fetch_add(&shared.wrong, 1);
		atomic_fetch_add(&shared.passes[reader->number], 1);
	}
	return NULL;
}

static void publish(unsigned reason)
{
	static unsigned number;

	atomic_store(&shared.truth, ++number * 256 + reason);
}

static unsigned reason_of(const struct state *state)
{
	if (!state->user_enabled)
		return LK_DENY_USER_DISABLED;
	if (!state->organization_enabled)
		return LK_DENY_ORGANIZATION_DISABLED;
	return state->is_writer ? LK_DENY_NONE : LK_DENY_PERMISSION_DENIED;
}

/* Until each reader has begun a pass after this call and ended it: of two that end, the second. */
static void wait_for_readers(void)
{
	for (size_t i = 0; i < READERS; i++) {
		unsigned passes = atomic_load(&shared.passes[i]);

		while (atomic_load(&shared.passes[i]) - passes < 2)
			sched_yield();
	}
	CHECK_EQ(atomic_load(&shared.wrong), 0);
}

/* True from now on. */
static void acknowledge(unsigned reason)
{
	publish(reason);
	for (size_t i = 0; i < LK_COUNT(shared.credentials); i++)
		CHECK_EQ(verify(shared.credentials[i]), reason);
	wait_for_readers();
}

/* As when a change was written and could not be read back at once: refused before the change is
 * applied, meanwhile and after. */
static void disable_by_denial(struct state *state)
{
	lk_index_deny_user(
		shared.f.index, shared.f.call.realm, &user.record.id, LK_ENTRY_DENIED_AS_STALE);
	acknowledge(LK_DENY_USER_DISABLED);
	people_set_enabled(&shared.f, user.id, false);
	state->user_enabled = false;
	wait_for_readers();
}

static void change(struct state *state, unsigned round)
{
	publish(CHANGING);
	switch (round % 7) {
	case 0:
	case 2:
	case 4:
		state->user_enabled = !state->user_enabled;
		people_set_enabled(&shared.f, user.id, state->user_enabled);
		break;
	case 1:
	case 5:
		state->organization_enabled = !state->organization_enabled;
		people_set_organization(&shared.f, "org", "", state->organization_enabled);
		break;
	case 3:
		state->is_writer = !state->is_writer;
		people_set_role(&shared.f, user.id, state->is_writer ? "writer" : "reader");
		break;
	default:
		disable_by_denial(state);
		return;
	}
	acknowledge(reason_of(state));
}

TEST(a_change_of_people_is_felt_by_every_verification_after_it)
{
	struct state state = { true, true, true };
	struct reader readers[READERS];
	struct lk_key_text secret;
	struct lk_key_view key;
	struct lk_grant grant;

	people_init(&shared.f);
	user = people_create(&shared.f, "ada@x", "writer", "org");
	CHECK_OK(people_open(&shared.f, &user.record.id, &grant));
	CHECK_OK(people_create_key(&shared.f, user.id, "*", &key, &secret));
	shared.credentials[0] = grant.tokens.access;
	shared.credentials[1] = secret.text;
	publish(LK_DENY_NONE);
	for (size_t i = 0; i < READERS; i++) {
		readers[i] = (struct reader) { .shared = &shared, .number = i };
		CHECK_EQ(
			pthread_create(&readers[i].thread, NULL, verify_until_stopped, &readers[i]),
			0);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		change(&state, round);
		/* To start over changes nothing. */
		if (round % 20 == 0)
			CHECK_OK(lk_index_load(shared.f.index, shared.f.store));
		lk_arena_reset(&shared.f.arena);
	}
	atomic_store(&shared.stop, true);
	for (size_t i = 0; i < READERS; i++)
		CHECK_EQ(pthread_join(readers[i].thread, NULL), 0);
	CHECK_EQ(atomic_load(&shared.wrong), 0);
	fixture_fini(&shared.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_change_of_people_is_felt_by_every_verification_after_it),
	};

	return RUN_ALL(tests);
}
