/* SPDX-License-Identifier: MIT */
#include "bench/keys.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/progress.h"
#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/key.rpc.h"
#include "latchkey/v1/user.rpc.h"

/* Calls in flight: enough to fill the committer's groups. */
#define IN_FLIGHT 512

/* No more than the lane for passwords has places. */
#define HASHES_IN_FLIGHT 8

/* An owner has at most so many keys. */
#define KEYS_PER_OWNER 500

struct worker;

/* One pass over the keys: each worker takes the next index until none is left. */
struct pass {
	struct lk_bench_keys *keys;
	struct lk_channel *channel;
	const char *realm;
	const char *what; /* for the progress line */
	void (*start)(struct worker *worker);
	size_t begin;
	size_t end;
	size_t in_flight; /* 0: IN_FLIGHT */
	_Atomic size_t next;
	_Atomic size_t done;
	_Atomic unsigned running;
	_Atomic unsigned code; /* of the first error */
};

struct worker {
	struct pass *pass;
	size_t index;
};

static void take_next(struct worker *worker)
{
	struct pass *pass = worker->pass;

	worker->index = atomic_fetch_add(&pass->next, 1);
	if (worker->index < pass->end && atomic_load(&pass->code) == LK_OK)
		pass->start(worker);
	else
		atomic_fetch_sub(&pass->running, 1);
}

static void finish_one(struct worker *worker, struct lk_status status)
{
	unsigned ok = LK_OK;

	if (status.code != LK_OK &&
		atomic_compare_exchange_strong(&worker->pass->code, &ok, (unsigned)status.code))
		fprintf(stderr, "latchkey-bench: %s: %s\n", worker->pass->what, status.why);
	atomic_fetch_add(&worker->pass->done, 1);
	take_next(worker);
}

static struct lk_bench_key *key_of(struct worker *worker)
{
	return &worker->pass->keys->items[worker->index];
}

static void on_created(void *arg, struct lk_status status, const lk_create_key_response *response)
{
	struct worker *worker = arg;
	struct lk_bench_key *key = key_of(worker);

	if (status.code == LK_OK) {
		snprintf(key->id, sizeof key->id, "%s", response->key->id);
		snprintf(key->secret, sizeof key->secret, "%s", response->secret);
	}
	finish_one(worker, status);
}

static void start_create(struct worker *worker)
{
	lk_create_key_request request = LK_CREATE_KEY_REQUEST_INIT;
	char *scopes[] = { (char[]) { "records.read" } };
	char user[40];

	snprintf(user, sizeof user, "user-%zu", worker->index / KEYS_PER_OWNER);
	request.realm = (char *)(uintptr_t)worker->pass->realm;
	request.name = (char[]) { "bench" };
	request.user_id = user;
	if (strcmp(worker->pass->realm, "bench") == 0) {
		request.n_scopes = 1;
		request.scopes = scopes;
	}
	lk_key_service_create_key_async(worker->pass->channel, NULL, &request, on_created, worker);
}

static void on_rotated(void *arg, struct lk_status status, const lk_rotate_key_response *response)
{
	(void)response; /* the new secret is not wanted: the old one is now unknown */
	finish_one(arg, status);
}

static void start_rotate(struct worker *worker)
{
	lk_rotate_key_request request = LK_ROTATE_KEY_REQUEST_INIT;

	request.realm = (char *)(uintptr_t)worker->pass->realm;
	request.id = key_of(worker)->id;
	lk_key_service_rotate_key_async(worker->pass->channel, NULL, &request, on_rotated, worker);
}

static void on_revoked(void *arg, struct lk_status status, const lk_revoke_key_response *response)
{
	(void)response;
	finish_one(arg, status);
}

static void start_revoke(struct worker *worker)
{
	lk_revoke_key_request request = LK_REVOKE_KEY_REQUEST_INIT;

	request.realm = (char *)(uintptr_t)worker->pass->realm;
	request.id = key_of(worker)->id;
	request.reason = LK_REVOCATION_REASON_CESSATION_OF_OPERATION;
	lk_key_service_revoke_key_async(worker->pass->channel, NULL, &request, on_revoked, worker);
}

static struct lk_status run_pass(struct pass *pass)
{
	static struct worker workers[IN_FLIGHT];
	size_t n = pass->in_flight > 0 ? pass->in_flight : IN_FLIGHT;

	atomic_store(&pass->next, pass->begin);
	atomic_store(&pass->running, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		workers[i] = (struct worker) { .pass = pass };
		take_next(&workers[i]);
	}
	while (atomic_load(&pass->running) > 0) {
		lk_progress_show(pass->what, atomic_load(&pass->done), pass->end - pass->begin);
		usleep(50000);
	}
	lk_progress_end();
	if (atomic_load(&pass->code) != LK_OK)
		return LK_ERR((enum lk_code)pass->code, "the keys could not be prepared");
	return LK_SUCCESS;
}

struct lk_status lk_bench_keys_create(struct lk_bench_keys *keys, struct lk_channel *channel,
	const char *realm, size_t n, size_t n_miss)
{
	struct pass pass = { .keys = keys,
		.channel = channel,
		.realm = realm,
		.what = "creating keys",
		.start = start_create,
		.end = n + n_miss };
	struct pass misses = { .keys = keys,
		.channel = channel,
		.realm = realm,
		.what = "replacing keys",
		.start = start_rotate,
		.begin = n,
		.end = n + n_miss };

	*keys = (struct lk_bench_keys) { .n = n, .n_miss = n_miss };
	keys->items = lk_alloc((n + n_miss) * sizeof *keys->items);
	if (keys->items == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");
	LK_TRY(run_pass(&pass));
	return run_pass(&misses);
}

struct lk_status lk_bench_keys_revoke(struct lk_bench_keys *keys, struct lk_channel *channel,
	const char *realm, size_t begin, size_t end)
{
	struct pass pass = { .keys = keys,
		.channel = channel,
		.realm = realm,
		.what = "revoking keys",
		.start = start_revoke,
		.begin = begin,
		.end = end };

	return run_pass(&pass);
}

/* --- sessions --- */

const char lk_bench_password[] = "a password for the bench";

void lk_bench_email(size_t n, char email_out[48])
{
	snprintf(email_out, 48, "user-%zu@example.org", n / KEYS_PER_OWNER);
}

static void on_user(void *arg, struct lk_status status, const lk_create_user_response *response)
{
	(void)response;
	finish_one(arg, status);
}

static void start_user(struct worker *worker)
{
	lk_create_user_request request = LK_CREATE_USER_REQUEST_INIT;
	char email[48];

	lk_bench_email(worker->index * KEYS_PER_OWNER, email);
	request.realm = (char *)(uintptr_t)worker->pass->realm;
	request.email = email;
	request.password = (char *)(uintptr_t)lk_bench_password;
	lk_user_service_create_user_async(worker->pass->channel, NULL, &request, on_user, worker);
}

static void on_signed_in(void *arg, struct lk_status status, const lk_sign_in_response *response)
{
	struct worker *worker = arg;

	if (status.code == LK_OK)
		snprintf(key_of(worker)->secret, sizeof key_of(worker)->secret, "%s",
			response->tokens->access_token);
	finish_one(worker, status);
}

static void start_sign_in(struct worker *worker)
{
	lk_sign_in_request request = LK_SIGN_IN_REQUEST_INIT;
	char email[48];

	lk_bench_email(worker->index, email);
	request.realm = (char *)(uintptr_t)worker->pass->realm;
	request.email = email;
	request.password = (char *)(uintptr_t)lk_bench_password;
	lk_auth_service_sign_in_async(worker->pass->channel, NULL, &request, on_signed_in, worker);
}

struct lk_status lk_bench_users_create(struct lk_channel *channel, const char *realm, size_t n)
{
	struct pass pass = { .channel = channel,
		.realm = realm,
		.what = "creating users",
		.start = start_user,
		.in_flight = HASHES_IN_FLIGHT,
		.end = (n + KEYS_PER_OWNER - 1) / KEYS_PER_OWNER };

	return run_pass(&pass);
}

struct lk_status lk_bench_sessions_create(
	struct lk_bench_keys *keys, struct lk_channel *channel, const char *realm, size_t n)
{
	struct pass pass = { .keys = keys,
		.channel = channel,
		.realm = realm,
		.what = "signing in",
		.start = start_sign_in,
		.in_flight = HASHES_IN_FLIGHT,
		.end = n };

	*keys = (struct lk_bench_keys) { .n = n };
	keys->items = lk_alloc(n * sizeof *keys->items);
	if (keys->items == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "out of memory");
	LK_TRY(lk_bench_users_create(channel, realm, n));
	return run_pass(&pass);
}

void lk_bench_keys_fini(struct lk_bench_keys *keys)
{
	if (keys->items != NULL)
		lk_wipe(keys->items, (keys->n + keys->n_miss) * sizeof *keys->items);
	lk_free(keys->items);
	*keys = (struct lk_bench_keys) { 0 };
}
