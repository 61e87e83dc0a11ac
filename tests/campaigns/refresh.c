/* SPDX-License-Identifier: MIT */
/* Of any number of parallel uses of one refresh token, one wins. Each race sends the same token 64
 * times at once, in turn in a realm that answers a spent token again for a while and in one that
 * never does.
 *
 * With the window all are told the same successor; once that was used, the spent token ends the
 * session. Without it at most one is told a successor, and the session is dead afterwards. All this
 * is so, too, when the daemon was killed in between and has started again.
 *
 *	refresh <directory of the programs> [races]
 */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/progress.h"
#include "bench/target.h"
#include "client/channel/channel.h"
#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/user.rpc.h"

#define RACERS 64
#define ARENA_MAX ((size_t)8 << 20)
#define PASSWORD "a password for campaigns"
#define KILL_EVERY 500
#define WINDOW_S 3

struct token {
	char text[96];
};

struct outcome {
	struct race *race;
	struct lk_status status;
	enum lk_error_reason reason;
	struct token successor;
};

struct race {
	sem_t done;
	struct outcome outcomes[RACERS];
};

struct campaign {
	const char *program;
	struct lk_target target;
	struct lk_channel *channel;
	struct lk_arena arena;
	struct race race;
	struct token spent[KILL_EVERY]; /* since the last kill */
	size_t n_spent;
	unsigned long races[2]; /* without a window, with one */
	unsigned long replays;
	unsigned long violations;
};

static void violate(struct campaign *campaign, const char *what)
{
	if (campaign->violations++ < 10)
		fprintf(stderr, "refresh: %s\n", what);
}

/* --- calls --- */

static void on_refreshed(
	void *arg, struct lk_status status, const lk_refresh_token_response *response)
{
	struct outcome *outcome = arg;

	outcome->status = status;
	outcome->reason = status.reason;
	if (status.code == LK_OK)
		snprintf(outcome->successor.text, sizeof outcome->successor.text, "%s",
			response->tokens->refresh_token);
	sem_post(&outcome->race->done);
}

/* Sends the token n times at once and waits for all answers. */
static void refresh(
	struct campaign *campaign, const char *realm, const struct token *token, size_t n)
{
	const struct lk_call_options options = { .timeout_ms = 30000 };
	lk_refresh_token_request request = LK_REFRESH_TOKEN_REQUEST_INIT;
	struct token copy = *token;
	char realm_copy[16];

	snprintf(realm_copy, sizeof realm_copy, "%s", realm);
	request.realm = realm_copy;
	request.refresh_token = copy.text;
	for (size_t i = 0; i < n; i++) {
		campaign->race.outcomes[i] = (struct outcome) { .race = &campaign->race };
		lk_auth_service_refresh_token_async(campaign->channel, &options, &request,
			on_refreshed, &campaign->race.outcomes[i]);
	}
	for (size_t i = 0; i < n; i++)
		while (sem_wait(&campaign->race.done) != 0 && errno == EINTR)
			continue;
}

static bool sign_in(struct campaign *campaign, const char *realm, struct token *token_out)
{
	lk_sign_in_request request = LK_SIGN_IN_REQUEST_INIT;
	lk_sign_in_response *response;
	char realm_copy[16];

	snprintf(realm_copy, sizeof realm_copy, "%s", realm);
	request.realm = realm_copy;
	request.email = (char[]) { "racer@example.org" };
	request.password = (char[]) { PASSWORD };
	lk_arena_reset(&campaign->arena);
	if (lk_auth_service_sign_in(campaign->channel, NULL, &request, &campaign->arena, &response)
			.code != LK_OK)
		return false;
	snprintf(token_out->text, sizeof token_out->text, "%s", response->tokens->refresh_token);
	return true;
}

static bool create_user(struct campaign *campaign, const char *realm)
{
	lk_create_user_request request = LK_CREATE_USER_REQUEST_INIT;
	lk_create_user_response *response;
	char realm_copy[16];

	snprintf(realm_copy, sizeof realm_copy, "%s", realm);
	request.realm = realm_copy;
	request.email = (char[]) { "racer@example.org" };
	request.password = (char[]) { PASSWORD };
	lk_arena_reset(&campaign->arena);
	return lk_user_service_create_user(
		       campaign->channel, NULL, &request, &campaign->arena, &response)
		       .code == LK_OK;
}

/* --- one race --- */

static void expect(struct campaign *campaign, const char *realm, const struct token *token,
	enum lk_error_reason reason, const char *what)
{
	refresh(campaign, realm, token, 1);
	campaign->replays++;
	if (campaign->race.outcomes[0].status.code != LK_UNAUTHENTICATED ||
		campaign->race.outcomes[0].reason != reason)
		violate(campaign, what);
}

static void remember(struct campaign *campaign, const struct token *token)
{
	if (campaign->n_spent < KILL_EVERY)
		campaign->spent[campaign->n_spent++] = *token;
}

static void race_with_window(struct campaign *campaign, const struct token *token)
{
	struct outcome *outcomes = campaign->race.outcomes;
	struct token successor, last;

	refresh(campaign, "cheap", token, RACERS);
	successor = outcomes[0].successor;
	for (size_t i = 0; i < RACERS; i++)
		if (outcomes[i].status.code != LK_OK ||
			strcmp(outcomes[i].successor.text, successor.text) != 0)
			violate(campaign, "within the window there is one successor for all");
	refresh(campaign, "cheap", &successor, 1);
	last = outcomes[0].successor;
	if (outcomes[0].status.code != LK_OK)
		violate(campaign, "the successor is good");
	expect(campaign, "cheap", token, LK_REFRESH_TOKEN_REUSED,
		"after the use of its successor a spent token ends the session");
	expect(campaign, "cheap", &last, LK_REFRESH_TOKEN_UNKNOWN,
		"with the session its newest token has ended");
	remember(campaign, token);
	remember(campaign, &successor);
	campaign->races[1]++;
}

static void race_without_window(struct campaign *campaign, const struct token *token)
{
	struct outcome *outcomes = campaign->race.outcomes;
	struct token successor = { "" };
	size_t n_winners = 0, n_reused = 0;

	refresh(campaign, "strict", token, RACERS);
	for (size_t i = 0; i < RACERS; i++) {
		n_reused += outcomes[i].reason == LK_REFRESH_TOKEN_REUSED;
		if (outcomes[i].status.code != LK_OK)
			continue;
		n_winners++;
		successor = outcomes[i].successor;
	}
	if (n_winners != 1 || n_reused != 1)
		violate(campaign, "without a window one wins and one ends the session");
	expect(campaign, "strict", &successor, LK_REFRESH_TOKEN_UNKNOWN,
		"the successor ended with the session");
	remember(campaign, token);
	campaign->races[0]++;
}

/* --- all of them --- */

static bool open_channel(struct campaign *campaign)
{
	const struct lk_channel_options options = {
		.url = campaign->target.tcp_url,
		.credential = lk_bytes_of(campaign->target.credential),
	};

	return lk_channel_open(&options, &campaign->channel).code == LK_OK;
}

static bool spend(struct campaign *campaign, const char *realm, struct token *token_out,
	struct token *successor_out)
{
	if (!sign_in(campaign, realm, token_out))
		return false;
	refresh(campaign, realm, token_out, 1);
	*successor_out = campaign->race.outcomes[0].successor;
	return campaign->race.outcomes[0].status.code == LK_OK;
}

static bool kill_daemon(struct campaign *campaign)
{
	double ready_s;

	lk_target_kill(&campaign->target);
	return lk_target_restart(&campaign->target, campaign->program, &ready_s).code == LK_OK;
}

static void replay_the_dead(struct campaign *campaign)
{
	static const char *const realms[] = { "strict", "cheap" };

	for (size_t i = 0; i < campaign->n_spent * LK_COUNT(realms); i++) {
		refresh(campaign, realms[i % LK_COUNT(realms)],
			&campaign->spent[i / LK_COUNT(realms)], 1);
		if (campaign->race.outcomes[0].status.code == LK_OK)
			violate(campaign, "a spent token was accepted after a restart");
		campaign->replays++;
	}
	campaign->n_spent = 0;
}

/* What lives through a kill: that a token is spent, and its successor for as long as that is
 * unspent and the window lasts. */
static bool kill_and_replay(struct campaign *campaign)
{
	struct token strict[2], open[2], used[3];

	if (!spend(campaign, "strict", &strict[0], &strict[1]) ||
		!spend(campaign, "cheap", &used[0], &used[1]))
		return false;
	refresh(campaign, "cheap", &used[1], 1);
	used[2] = campaign->race.outcomes[0].successor;
	if (!spend(campaign, "cheap", &open[0], &open[1]) || !kill_daemon(campaign))
		return false;
	refresh(campaign, "cheap", &open[0], 1);
	if (strcmp(campaign->race.outcomes[0].successor.text, open[1].text) != 0)
		violate(campaign, "the successor was lost by a kill");
	expect(campaign, "strict", &strict[0], LK_REFRESH_TOKEN_REUSED,
		"a kill does not make a token unspent");
	expect(campaign, "strict", &strict[1], LK_REFRESH_TOKEN_UNKNOWN, "its session has ended");
	expect(campaign, "cheap", &used[0], LK_REFRESH_TOKEN_REUSED,
		"a kill does not make a successor unspent");
	expect(campaign, "cheap", &used[2], LK_REFRESH_TOKEN_UNKNOWN, "its session has ended, too");
	replay_the_dead(campaign);
	return true;
}

static bool replay_after_the_window(struct campaign *campaign)
{
	struct token token, successor;

	if (!sign_in(campaign, "cheap", &token))
		return false;
	refresh(campaign, "cheap", &token, 1);
	successor = campaign->race.outcomes[0].successor;
	sleep(WINDOW_S + 1);
	expect(campaign, "cheap", &token, LK_REFRESH_TOKEN_REUSED,
		"after the window a spent token ends the session");
	expect(campaign, "cheap", &successor, LK_REFRESH_TOKEN_UNKNOWN,
		"with the session its successor has ended");
	return true;
}

static bool run(struct campaign *campaign, unsigned long races)
{
	if (!create_user(campaign, "cheap") || !create_user(campaign, "strict"))
		return false;
	for (unsigned long i = 0; i < races; i++) {
		const char *realm = i % 2 == 0 ? "strict" : "cheap";
		struct token token;

		lk_progress_show("racing", i, races);
		if (!sign_in(campaign, realm, &token))
			return false;
		if (i % 2 == 0)
			race_without_window(campaign, &token);
		else
			race_with_window(campaign, &token);
		if (i % KILL_EVERY == KILL_EVERY - 1 && !kill_and_replay(campaign))
			return false;
	}
	lk_progress_end();
	return kill_and_replay(campaign) && replay_after_the_window(campaign);
}

int main(int argc, char **argv)
{
	static struct campaign campaign;
	unsigned long races = argc > 2 ? strtoul(argv[2], NULL, 10) : 50;
	char program[512];
	bool is_good;

	if (argc < 2) {
		fprintf(stderr, "usage: refresh DIRECTORY [RACES]\n");
		return 2;
	}
	snprintf(program, sizeof program, "%s/latchkey-bench", argv[1]);
	campaign.program = program;
	lk_arena_init(&campaign.arena, ARENA_MAX);
	sem_init(&campaign.race.done, 0, 0);
	is_good = lk_target_start(&campaign.target, program).code == LK_OK &&
		  open_channel(&campaign) && run(&campaign, races) && campaign.violations == 0;
	printf("%lu races of %d with a window, %lu without; %lu replays of spent tokens; "
	       "%lu violations\n",
		campaign.races[1], RACERS, campaign.races[0], campaign.replays,
		campaign.violations);
	lk_channel_close(campaign.channel);
	lk_target_stop(&campaign.target);
	lk_arena_fini(&campaign.arena);
	return is_good ? 0 : 1;
}
