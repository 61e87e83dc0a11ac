/* SPDX-License-Identifier: MIT */
/* Revocation is felt at once: after the answer to RevokeKey, no verification on any connection
 * passes. Each trial creates a key and verifies it without pause on one connection after the
 * other; it revokes the key meanwhile; and every verification that starts after the answer must
 * be refused, at least one on each connection.
 *
 *	revocation <directory of the programs> [trials]
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/progress.h"
#include "bench/target.h"
#include "client/channel/channel.h"
#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/key.rpc.h"

#define CONNECTIONS 8
#define WORKERS 256

struct campaign {
	struct lk_channel *channels[CONNECTIONS]; /* half tcp, half ipc */
	unsigned long trials;
	_Atomic unsigned long next;
	_Atomic unsigned long done;
	_Atomic unsigned long verified;
	_Atomic unsigned long before; /* verifications that passed before the revocation */
	_Atomic unsigned long violations;
	_Atomic unsigned long failures;
	_Atomic unsigned running;
};

/* One trial at a time. Two chains of calls share it: the changes, and the verifications. */
struct worker {
	struct campaign *campaign;
	char id[32];
	char secret[112];
	_Atomic bool is_revoked; /* RevokeKey was answered */
	bool started_after;      /* the verification under way started after that */
	unsigned connection;     /* the one it is on */
	unsigned refused;        /* connections that refused after the revocation */
};

static void create(struct worker *worker);

static void fail(struct worker *worker, const char *what, struct lk_status status)
{
	if (atomic_fetch_add(&worker->campaign->failures, 1) == 0)
		fprintf(stderr, "revocation: %s: %s (%s)\n", what, status.why,
			lk_code_name(status.code));
	atomic_fetch_sub(&worker->campaign->running, 1);
}

static void verify(struct worker *worker);

static void on_verified(
	void *arg, struct lk_status status, const lk_authenticate_response *response)
{
	struct worker *worker = arg;
	struct campaign *campaign = worker->campaign;

	if (status.code != LK_OK) {
		fail(worker, "verify", status);
		return;
	}
	atomic_fetch_add_explicit(&campaign->verified, 1, memory_order_relaxed);
	if (!worker->started_after) {
		atomic_fetch_add(&campaign->before, response->allowed ? 1 : 0);
	} else if (response->allowed || response->reason != LK_DENY_REASON_REVOKED) {
		atomic_fetch_add(&campaign->violations, 1);
		worker->refused++;
	} else {
		worker->refused++;
	}
	if (worker->refused < CONNECTIONS) {
		verify(worker);
		return;
	}
	atomic_fetch_add(&campaign->done, 1);
	create(worker);
}

static void verify(struct worker *worker)
{
	lk_credential credential = LK_CREDENTIAL_INIT;
	lk_credential *credentials[] = { &credential };
	lk_authenticate_request request = LK_AUTHENTICATE_REQUEST_INIT;

	worker->started_after = atomic_load(&worker->is_revoked);
	worker->connection = (worker->connection + 1) % CONNECTIONS;
	credential.kind = LK_CREDENTIAL_KIND_API_KEY;
	credential.value = worker->secret;
	request.realm = (char[]) { "bench" };
	request.n_credentials = 1;
	request.credentials = credentials;
	lk_auth_service_authenticate_async(worker->campaign->channels[worker->connection], NULL,
		&request, on_verified, worker);
}

static void on_revoked(void *arg, struct lk_status status, const lk_revoke_key_response *response)
{
	struct worker *worker = arg;

	(void)response;
	if (status.code != LK_OK) {
		fprintf(stderr, "revocation: revoke: %s\n", status.why);
		abort();
	}
	atomic_store(&worker->is_revoked, true);
}

static void on_created(void *arg, struct lk_status status, const lk_create_key_response *response)
{
	struct worker *worker = arg;
	lk_revoke_key_request request = LK_REVOKE_KEY_REQUEST_INIT;

	if (status.code != LK_OK) {
		fail(worker, "create", status);
		return;
	}
	snprintf(worker->id, sizeof worker->id, "%s", response->key->id);
	snprintf(worker->secret, sizeof worker->secret, "%s", response->secret);
	atomic_store(&worker->is_revoked, false);
	worker->refused = 0;
	request.realm = (char[]) { "bench" };
	request.id = worker->id;
	lk_key_service_revoke_key_async(
		worker->campaign->channels[0], NULL, &request, on_revoked, worker);
	verify(worker);
}

static void create(struct worker *worker)
{
	struct campaign *campaign = worker->campaign;
	lk_create_key_request request = LK_CREATE_KEY_REQUEST_INIT;

	if (atomic_fetch_add(&campaign->next, 1) >= campaign->trials) {
		atomic_fetch_sub(&campaign->running, 1);
		return;
	}
	request.realm = (char[]) { "bench" };
	request.name = (char[]) { "revocation" };
	lk_key_service_create_key_async(campaign->channels[1], NULL, &request, on_created, worker);
}

static bool open_channels(struct campaign *campaign, const struct lk_target *target)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		const struct lk_channel_options options = {
			.url = i % 2 == 0 ? target->tcp_url : target->ipc_url,
			.credential = { (const uint8_t *)target->credential,
				strlen(target->credential) },
		};

		if (lk_channel_open(&options, &campaign->channels[i]).code != LK_OK)
			return false;
	}
	return true;
}

static void run(struct campaign *campaign)
{
	static struct worker workers[WORKERS];

	atomic_store(&campaign->running, WORKERS);
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i].campaign = campaign;
		create(&workers[i]);
	}
	while (atomic_load(&campaign->running) > 0) {
		lk_progress_show("revoking", atomic_load(&campaign->done), campaign->trials);
		usleep(50000);
	}
	lk_progress_end();
}

int main(int argc, char **argv)
{
	static struct campaign campaign;
	struct lk_target target;
	bool is_good = false;
	char program[512];

	if (argc < 2) {
		fprintf(stderr, "usage: revocation DIRECTORY [TRIALS]\n");
		return 2;
	}
	campaign.trials = argc > 2 ? strtoul(argv[2], NULL, 10) : 5000;
	snprintf(program, sizeof program, "%s/latchkey-bench", argv[1]);
	if (lk_target_start(&target, program).code == LK_OK && open_channels(&campaign, &target)) {
		run(&campaign);
		is_good = campaign.violations == 0 && campaign.failures == 0 &&
			  campaign.done == campaign.trials;
	}
	printf("%lu trials on %d connections: %lu verifications, %lu allowed before the answer, "
	       "%lu accepted after it, %lu failed calls\n",
		campaign.done, CONNECTIONS, campaign.verified, campaign.before, campaign.violations,
		campaign.failures);
	for (size_t i = 0; i < CONNECTIONS; i++)
		lk_channel_close(campaign.channels[i]);
	lk_target_stop(&target);
	return is_good ? 0 : 1;
}
