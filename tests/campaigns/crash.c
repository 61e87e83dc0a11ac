/* SPDX-License-Identifier: MIT */
/* Nothing acknowledged is ever lost. Each round writes (creates, revokes, rotates) from many
 * workers, kills the daemon with SIGKILL in their midst, starts it again and asks for every key:
 * an acknowledged create verifies, an acknowledged revocation refuses, an acknowledged rotation
 * has its new secret and not the old one. What was not acknowledged may have happened or not, but
 * once seen it stays so.
 *
 *	crash <directory of the programs> [rounds]
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/pick.h"
#include "bench/progress.h"
#include "bench/target.h"
#include "client/channel/channel.h"
#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/key.rpc.h"

#define WORKERS 64
#define KEYS_MAX 1000000
#define AUDITS_IN_FLIGHT 256

/* What is known of a key. */
enum fate {
	ABSENT,  /* its creation was never acknowledged */
	LIVE,    /* `secret` must verify */
	BUSY,    /* a change is under way */
	UNKNOWN, /* a change was under way when the daemon died */
	DEAD,    /* `secret` must be refused */
};

struct key {
	_Atomic int fate;
	char id[32];
	char secret[112];
	char old_secret[112]; /* replaced by an acknowledged rotation; "" for none */
};

struct campaign {
	const char *program;
	struct lk_target target;
	struct lk_channel *channel;
	struct key *keys;
	_Atomic unsigned n_keys;
	_Atomic bool is_over; /* the round's writes */
	_Atomic unsigned running;
	_Atomic unsigned long acknowledged[3]; /* creates, revocations, rotations */
	_Atomic unsigned long audited;
	_Atomic unsigned long violations;
	_Atomic unsigned audit_next;
};

struct worker {
	struct campaign *campaign;
	uint64_t random;
	struct key *key;
};

static void write_next(struct worker *worker);

/* After a call: the key's fate if it was acknowledged, and what it is otherwise. */
static void settle(
	struct worker *worker, struct lk_status status, enum fate acknowledged, enum fate otherwise)
{
	atomic_store(&worker->key->fate, status.code == LK_OK ? (int)acknowledged : (int)otherwise);
	if (status.code == LK_OK && !atomic_load(&worker->campaign->is_over))
		write_next(worker);
	else
		atomic_fetch_sub(&worker->campaign->running, 1);
}

static void on_created(void *arg, struct lk_status status, const lk_create_key_response *response)
{
	struct worker *worker = arg;

	if (status.code == LK_OK) {
		snprintf(worker->key->id, sizeof worker->key->id, "%s", response->key->id);
		snprintf(worker->key->secret, sizeof worker->key->secret, "%s", response->secret);
		atomic_fetch_add(&worker->campaign->acknowledged[0], 1);
	}
	settle(worker, status, LIVE, ABSENT);
}

static void on_revoked(void *arg, struct lk_status status, const lk_revoke_key_response *response)
{
	struct worker *worker = arg;

	(void)response;
	if (status.code == LK_OK)
		atomic_fetch_add(&worker->campaign->acknowledged[1], 1);
	settle(worker, status, DEAD, UNKNOWN);
}

static void on_rotated(void *arg, struct lk_status status, const lk_rotate_key_response *response)
{
	struct worker *worker = arg;

	if (status.code == LK_OK) {
		memcpy(worker->key->old_secret, worker->key->secret,
			sizeof worker->key->old_secret);
		snprintf(worker->key->secret, sizeof worker->key->secret, "%s", response->secret);
		atomic_fetch_add(&worker->campaign->acknowledged[2], 1);
	}
	settle(worker, status, LIVE, UNKNOWN);
}

static void create(struct worker *worker)
{
	struct campaign *campaign = worker->campaign;
	lk_create_key_request request = LK_CREATE_KEY_REQUEST_INIT;
	unsigned index = atomic_fetch_add(&campaign->n_keys, 1);

	if (index >= KEYS_MAX) {
		fprintf(stderr, "crash: more keys than expected\n");
		abort();
	}
	worker->key = &campaign->keys[index];
	request.realm = (char[]) { "bench" };
	request.name = (char[]) { "crash" };
	lk_key_service_create_key_async(campaign->channel, NULL, &request, on_created, worker);
}

/* A live key that nobody works on, now ours; NULL when a few guesses find none. */
static struct key *take_key(struct worker *worker)
{
	struct campaign *campaign = worker->campaign;
	unsigned n = atomic_load(&campaign->n_keys);

	for (int i = 0; i < 8 && n > 0; i++) {
		struct key *key = &campaign->keys[lk_pick_random(&worker->random) % n];
		int live = LIVE;

		if (atomic_compare_exchange_strong(&key->fate, &live, BUSY))
			return key;
	}
	return NULL;
}

static void write_next(struct worker *worker)
{
	struct lk_channel *channel = worker->campaign->channel;
	uint64_t dice = lk_pick_random(&worker->random) % 100;
	lk_revoke_key_request revoke = LK_REVOKE_KEY_REQUEST_INIT;
	lk_rotate_key_request rotate = LK_ROTATE_KEY_REQUEST_INIT;

	worker->key = dice < 60 ? NULL : take_key(worker);
	if (worker->key == NULL) {
		create(worker);
	} else if (dice < 80) {
		revoke.realm = (char[]) { "bench" };
		revoke.id = worker->key->id;
		lk_key_service_revoke_key_async(channel, NULL, &revoke, on_revoked, worker);
	} else {
		rotate.realm = (char[]) { "bench" };
		rotate.id = worker->key->id;
		lk_key_service_rotate_key_async(channel, NULL, &rotate, on_rotated, worker);
	}
}

static bool open_channel(struct campaign *campaign)
{
	const struct lk_channel_options options = {
		.url = campaign->target.tcp_url,
		.credential = { (const uint8_t *)campaign->target.credential,
			strlen(campaign->target.credential) },
	};

	return lk_channel_open(&options, &campaign->channel).code == LK_OK;
}

/* --- the audit --- */

struct auditor {
	struct campaign *campaign;
	struct key *key;
	bool asks_for_old;
};

static void audit_next(struct auditor *auditor);
static void ask(struct auditor *auditor);

static void judge(struct auditor *auditor, bool is_allowed)
{
	struct key *key = auditor->key;
	int fate = atomic_load(&key->fate);
	bool is_wrong = auditor->asks_for_old
				? is_allowed
				: (fate == LIVE && !is_allowed) || (fate == DEAD && is_allowed);

	atomic_fetch_add(&auditor->campaign->audited, 1);
	if (is_wrong && atomic_fetch_add(&auditor->campaign->violations, 1) < 10)
		fprintf(stderr, "crash: %s: %s secret of a %s key was %s\n", key->id,
			auditor->asks_for_old ? "the old" : "the", fate == LIVE ? "live" : "dead",
			is_allowed ? "accepted" : "refused");
	if (!auditor->asks_for_old && fate == UNKNOWN)
		atomic_store(&key->fate, is_allowed ? LIVE : DEAD);
}

static void on_asked(void *arg, struct lk_status status, const lk_authenticate_response *response)
{
	struct auditor *auditor = arg;

	if (status.code != LK_OK) {
		fprintf(stderr, "crash: audit: %s\n", status.why);
		atomic_fetch_add(&auditor->campaign->violations, 1);
	} else {
		judge(auditor, response->allowed);
	}
	if (!auditor->asks_for_old && auditor->key->old_secret[0] != '\0') {
		auditor->asks_for_old = true;
		ask(auditor);
	} else {
		audit_next(auditor);
	}
}

static void ask(struct auditor *auditor)
{
	lk_credential credential = LK_CREDENTIAL_INIT;
	lk_credential *credentials[] = { &credential };
	lk_authenticate_request request = LK_AUTHENTICATE_REQUEST_INIT;

	credential.kind = LK_CREDENTIAL_KIND_API_KEY;
	credential.value = auditor->asks_for_old ? auditor->key->old_secret : auditor->key->secret;
	request.realm = (char[]) { "bench" };
	request.n_credentials = 1;
	request.credentials = credentials;
	lk_auth_service_authenticate_async(
		auditor->campaign->channel, NULL, &request, on_asked, auditor);
}

static void audit_next(struct auditor *auditor)
{
	struct campaign *campaign = auditor->campaign;

	for (;;) {
		unsigned index = atomic_fetch_add(&campaign->audit_next, 1);

		if (index >= atomic_load(&campaign->n_keys)) {
			atomic_fetch_sub(&campaign->running, 1);
			return;
		}
		auditor->key = &campaign->keys[index];
		if (atomic_load(&auditor->key->fate) != ABSENT)
			break;
	}
	auditor->asks_for_old = false;
	ask(auditor);
}

static void wait_until_idle(struct campaign *campaign)
{
	while (atomic_load(&campaign->running) > 0)
		usleep(1000);
}

/* Keys from index `from` on. */
static void audit(struct campaign *campaign, unsigned from)
{
	static struct auditor auditors[AUDITS_IN_FLIGHT];

	atomic_store(&campaign->audit_next, from);
	atomic_store(&campaign->running, AUDITS_IN_FLIGHT);
	for (size_t i = 0; i < AUDITS_IN_FLIGHT; i++) {
		auditors[i].campaign = campaign;
		audit_next(&auditors[i]);
	}
	wait_until_idle(campaign);
}

/* --- rounds --- */

static bool run_round(struct campaign *campaign, unsigned long round, unsigned audit_from)
{
	static struct worker workers[WORKERS];
	uint64_t random = round * 7919 + 1;
	double ready_s;

	atomic_store(&campaign->is_over, false);
	atomic_store(&campaign->running, WORKERS);
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker) { .campaign = campaign, .random = round * 1000 + i };
		write_next(&workers[i]);
	}
	usleep((useconds_t)(5000 + lk_pick_random(&random) % 100000));
	atomic_store(&campaign->is_over, true);
	lk_target_kill(&campaign->target);
	lk_channel_close(campaign->channel); /* ends what has no answer */
	campaign->channel = NULL;
	wait_until_idle(campaign);
	if (lk_target_restart(&campaign->target, campaign->program, &ready_s).code != LK_OK ||
		!open_channel(campaign))
		return false;
	audit(campaign, audit_from);
	return true;
}

static bool run(struct campaign *campaign, unsigned long rounds)
{
	unsigned before = 0;

	for (unsigned long round = 0; round < rounds; round++) {
		/* All of the last two rounds; everything at every tenth, and at the end. */
		unsigned now = atomic_load(&campaign->n_keys);
		bool is_full = round % 10 == 9 || round + 1 == rounds;

		lk_progress_show("killing", round, rounds);
		if (!run_round(campaign, round, is_full ? 0 : before))
			return false;
		before = now;
	}
	lk_progress_end();
	return true;
}

int main(int argc, char **argv)
{
	static struct campaign campaign;
	unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 10;
	char program[512];
	bool is_good;

	if (argc < 2) {
		fprintf(stderr, "usage: crash DIRECTORY [ROUNDS]\n");
		return 2;
	}
	snprintf(program, sizeof program, "%s/latchkey-bench", argv[1]);
	campaign.program = program;
	campaign.keys = lk_alloc(KEYS_MAX * sizeof *campaign.keys);
	is_good = campaign.keys != NULL &&
		  lk_target_start(&campaign.target, program).code == LK_OK &&
		  open_channel(&campaign) && run(&campaign, rounds) && campaign.violations == 0;
	printf("%lu kills; acknowledged: %lu creates, %lu revocations, %lu rotations; %lu "
	       "questions, "
	       "%lu wrong answers\n",
		rounds, campaign.acknowledged[0], campaign.acknowledged[1],
		campaign.acknowledged[2], campaign.audited, campaign.violations);
	lk_channel_close(campaign.channel);
	lk_target_stop(&campaign.target);
	lk_free(campaign.keys);
	return is_good ? 0 : 1;
}
