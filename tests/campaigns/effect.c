/* SPDX-License-Identifier: MIT */
/* Every change happens exactly once, however the connection dies. Workers create keys, rotate them
 * and refresh sessions over tcp while the daemon is killed with SIGKILL again and again; each asks
 * with an idempotency key until it is answered, and then once more. Both answers must be the same,
 * and what they say must be all that there is: no key that nobody was told of, one rotation, a
 * refresh token whose chain goes on although its realm forgives no second use.
 *
 *	effect <directory of the programs> [kills]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "bench/pick.h"
#include "bench/progress.h"
#include "bench/target.h"
#include "client/channel/channel.h"
#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/key.rpc.h"
#include "latchkey/v1/user.rpc.h"

#define WORKERS 24
#define ARENA_MAX ((size_t)8 << 20)
#define PASSWORD "a password for campaigns"

enum kind { CREATE, ROTATE, REFRESH, KINDS };

struct worker {
	pthread_t thread;
	struct campaign *campaign;
	enum kind kind;
	char user[32];
	char key_id[32]; /* of what is rotated */
	char hint[64];   /* of its secret */
	char refresh_token[128];
	unsigned long done;
	struct lk_arena arena;
};

struct campaign {
	const char *program;
	struct lk_target target;
	struct lk_channel *channel;
	atomic_bool is_over;
	atomic_ulong violations;
	atomic_ulong asked_again; /* calls whose first answer was lost */
	struct worker workers[WORKERS];
};

static void violate(struct worker *worker, const char *what, const char *why)
{
	static const char *const kinds[KINDS] = { "create", "rotate", "refresh" };

	if (atomic_fetch_add(&worker->campaign->violations, 1) < 10)
		fprintf(stderr, "effect: %s %s: %s: %s\n", kinds[worker->kind], worker->user, what,
			why != NULL ? why : "");
}

/* --- calls that are asked for until they are answered --- */

struct change {
	const struct lk_method *method;
	const ProtobufCMessage *request;
	uint8_t key[16];
};

static struct lk_status ask(
	struct worker *worker, const struct change *change, ProtobufCMessage **response_out)
{
	const struct lk_call_options options = {
		.timeout_ms = 20000,
		.idempotency_key = { change->key, sizeof change->key },
	};
	struct lk_status st;

	do {
		st = lk_rpc_call(worker->campaign->channel, change->method, &options,
			change->request, &worker->arena, response_out);
		if (st.code == LK_UNAVAILABLE || st.code == LK_DEADLINE_EXCEEDED)
			atomic_fetch_add(&worker->campaign->asked_again, 1);
	} while (st.code == LK_UNAVAILABLE || st.code == LK_DEADLINE_EXCEEDED ||
		 (st.code == LK_RESOURCE_EXHAUSTED && st.retry_ms > 0));
	return st;
}

/* The answer, which is the same when it is asked for again. NULL after a violation. */
static ProtobufCMessage *ask_twice(
	struct worker *worker, const struct lk_method *method, const ProtobufCMessage *request)
{
	struct change change = { method, request, { 0 } };
	ProtobufCMessage *first, *second;
	struct lk_bytes a, b;
	struct lk_status st;

	if (getrandom(change.key, sizeof change.key, 0) != (ssize_t)sizeof change.key)
		abort();
	st = ask(worker, &change, &first);
	if (st.code == LK_OK)
		st = ask(worker, &change, &second);
	if (st.code != LK_OK) {
		violate(worker, "refused", st.why);
		return NULL;
	}
	if (lk_message_pack(first, &worker->arena, &a).code != LK_OK ||
		lk_message_pack(second, &worker->arena, &b).code != LK_OK)
		abort();
	if (a.n != b.n || memcmp(a.data, b.data, a.n) != 0) {
		violate(worker, "the second answer differs", NULL);
		return NULL;
	}
	return first;
}

/* A secret that was told is one: unless the key is revoked or replaced, it verifies. */
static void verify(struct worker *worker, const char *secret)
{
	lk_authenticate_request request = LK_AUTHENTICATE_REQUEST_INIT;
	lk_credential credential = LK_CREDENTIAL_INIT, *credentials[] = { &credential };
	struct change change = { .method = &lk_auth_service_methods[LK_AUTH_SERVICE_AUTHENTICATE],
		.request = &request.base };
	ProtobufCMessage *response;
	struct lk_status st;

	credential.kind = LK_CREDENTIAL_KIND_API_KEY;
	credential.value = (char *)(uintptr_t)secret;
	request.realm = (char[]) { "bench" };
	request.n_credentials = 1;
	request.credentials = credentials;
	st = ask(worker, &change, &response);
	if (st.code != LK_OK || !((const lk_authenticate_response *)response)->allowed)
		violate(worker, "the secret that was told does not verify", st.why);
}

/* --- the three kinds of change --- */

static void create(struct worker *worker)
{
	lk_create_key_request request = LK_CREATE_KEY_REQUEST_INIT;
	const lk_create_key_response *response;

	request.realm = (char[]) { "bench" };
	request.name = (char[]) { "effect" };
	request.user_id = worker->user;
	response = (const lk_create_key_response *)ask_twice(
		worker, &lk_key_service_methods[LK_KEY_SERVICE_CREATE_KEY], &request.base);
	if (response == NULL)
		return;
	verify(worker, response->secret);
	worker->done++;
}

static void rotate(struct worker *worker)
{
	lk_rotate_key_request request = LK_ROTATE_KEY_REQUEST_INIT;
	const lk_rotate_key_response *response;

	request.realm = (char[]) { "bench" };
	request.id = worker->key_id;
	response = (const lk_rotate_key_response *)ask_twice(
		worker, &lk_key_service_methods[LK_KEY_SERVICE_ROTATE_KEY], &request.base);
	if (response == NULL)
		return;
	/* Of two rotations the secret before would be one that nobody was told. */
	if (response->key->previous_secret == NULL ||
		strcmp(response->key->previous_secret->hint, worker->hint) != 0)
		violate(worker, "there was another rotation", NULL);
	snprintf(worker->hint, sizeof worker->hint, "%s", response->key->hint);
	verify(worker, response->secret);
	worker->done++;
}

static void refresh(struct worker *worker)
{
	lk_refresh_token_request request = LK_REFRESH_TOKEN_REQUEST_INIT;
	const lk_refresh_token_response *response;

	request.realm = (char[]) { "strict" };
	request.refresh_token = worker->refresh_token;
	response = (const lk_refresh_token_response *)ask_twice(
		worker, &lk_auth_service_methods[LK_AUTH_SERVICE_REFRESH_TOKEN], &request.base);
	if (response == NULL) {
		atomic_store(&worker->campaign->is_over, true);
		return;
	}
	snprintf(worker->refresh_token, sizeof worker->refresh_token, "%s",
		response->tokens->refresh_token);
	worker->done++;
}

static void *work(void *arg)
{
	static void (*const changes[KINDS])(struct worker *) = { create, rotate, refresh };
	struct worker *worker = arg;

	while (!atomic_load(&worker->campaign->is_over)) {
		changes[worker->kind](worker);
		lk_arena_reset(&worker->arena);
	}
	return NULL;
}

/* --- before and after --- */

static bool make_key(struct worker *worker)
{
	lk_create_key_request request = LK_CREATE_KEY_REQUEST_INIT;
	lk_create_key_response *response;

	request.realm = (char[]) { "bench" };
	request.name = (char[]) { "rotated" };
	if (lk_key_service_create_key(
		    worker->campaign->channel, NULL, &request, &worker->arena, &response)
			.code != LK_OK)
		return false;
	snprintf(worker->key_id, sizeof worker->key_id, "%s", response->key->id);
	snprintf(worker->hint, sizeof worker->hint, "%s", response->key->hint);
	return true;
}

static bool sign_in(struct worker *worker)
{
	struct lk_channel *channel = worker->campaign->channel;
	lk_create_user_request user = LK_CREATE_USER_REQUEST_INIT;
	lk_create_user_response *created;
	lk_sign_in_request request = LK_SIGN_IN_REQUEST_INIT;
	lk_sign_in_response *response;
	char email[64];

	snprintf(email, sizeof email, "%s@example.org", worker->user);
	user.realm = request.realm = (char[]) { "strict" };
	user.email = request.email = email;
	user.password = request.password = (char[]) { PASSWORD };
	if (lk_user_service_create_user(channel, NULL, &user, &worker->arena, &created).code !=
			LK_OK ||
		lk_auth_service_sign_in(channel, NULL, &request, &worker->arena, &response).code !=
			LK_OK)
		return false;
	snprintf(worker->refresh_token, sizeof worker->refresh_token, "%s",
		response->tokens->refresh_token);
	return true;
}

static bool prepare(struct campaign *campaign)
{
	const struct lk_channel_options options = {
		.url = campaign->target.tcp_url,
		.credential = lk_bytes_of(campaign->target.credential),
	};

	if (lk_channel_open(&options, &campaign->channel).code != LK_OK)
		return false;
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *worker = &campaign->workers[i];

		worker->campaign = campaign;
		worker->kind = (enum kind)(i % KINDS);
		snprintf(worker->user, sizeof worker->user, "worker-%u", i);
		lk_arena_init(&worker->arena, ARENA_MAX);
		if ((worker->kind == ROTATE && !make_key(worker)) ||
			(worker->kind == REFRESH && !sign_in(worker)))
			return false;
	}
	return true;
}

/* No key that nobody was told of. */
static void count_keys(struct worker *worker)
{
	lk_list_keys_request request = LK_LIST_KEYS_REQUEST_INIT;
	char token[256] = "";
	unsigned long n = 0;

	request.realm = (char[]) { "bench" };
	request.user_id = worker->user;
	request.page_size = 100;
	request.page_token = token;
	do {
		lk_list_keys_response *response;
		struct lk_status st;

		lk_arena_reset(&worker->arena);
		st = lk_key_service_list_keys(
			worker->campaign->channel, NULL, &request, &worker->arena, &response);
		if (st.code != LK_OK) {
			violate(worker, "the list", st.why);
			return;
		}
		n += response->n_keys;
		snprintf(token, sizeof token, "%s", response->next_page_token);
	} while (token[0] != '\0');
	if (n != worker->done)
		violate(worker, "there are other keys than were told", NULL);
}

static bool kill_often(struct campaign *campaign, unsigned long kills)
{
	uint64_t random = kills;

	for (unsigned long i = 0; i < kills && !atomic_load(&campaign->is_over); i++) {
		double ready_s;

		lk_progress_show("killing", i, kills);
		usleep((useconds_t)(5000 + lk_pick_random(&random) % 50000));
		lk_target_kill(&campaign->target);
		if (lk_target_restart(&campaign->target, campaign->program, &ready_s).code != LK_OK)
			return false;
	}
	lk_progress_end();
	return true;
}

static bool run(struct campaign *campaign, unsigned long kills)
{
	bool is_good = prepare(campaign);

	if (!is_good)
		return false;
	for (unsigned i = 0; i < WORKERS; i++)
		if (pthread_create(
			    &campaign->workers[i].thread, NULL, work, &campaign->workers[i]) != 0)
			abort();
	is_good = kill_often(campaign, kills);
	atomic_store(&campaign->is_over, true);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(campaign->workers[i].thread, NULL);
	for (unsigned i = 0; i < WORKERS; i++)
		if (campaign->workers[i].kind == CREATE)
			count_keys(&campaign->workers[i]);
	return is_good && campaign->violations == 0;
}

int main(int argc, char **argv)
{
	static struct campaign campaign;
	unsigned long kills = argc > 2 ? strtoul(argv[2], NULL, 10) : 10;
	struct lk_channel_counters counters = { 0 };
	unsigned long done[KINDS] = { 0 };
	char program[512];
	bool is_good;

	if (argc < 2) {
		fprintf(stderr, "usage: effect DIRECTORY [KILLS]\n");
		return 2;
	}
	snprintf(program, sizeof program, "%s/latchkey-bench", argv[1]);
	campaign.program = program;
	is_good = lk_target_start(&campaign.target, program).code == LK_OK && run(&campaign, kills);
	for (unsigned i = 0; i < WORKERS; i++) {
		done[campaign.workers[i].kind] += campaign.workers[i].done;
		lk_arena_fini(&campaign.workers[i].arena);
	}
	if (campaign.channel != NULL)
		lk_channel_count(campaign.channel, &counters);
	printf("%lu kills; %lu keys, %lu rotations, %lu refreshes, each asked for twice; %lu calls "
	       "tried again after a lost connection; %lu with another effect\n",
		kills, done[CREATE], done[ROTATE], done[REFRESH],
		(unsigned long)counters.retries + campaign.asked_again, campaign.violations);
	lk_channel_close(campaign.channel);
	lk_target_stop(&campaign.target);
	return is_good ? 0 : 1;
}
