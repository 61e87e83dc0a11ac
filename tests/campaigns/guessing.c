/* SPDX-License-Identifier: MIT */
/* Guessing keeps no owner out, and tells nothing about accounts.
 *
 * An attack: a thousand networks try passwords of one account. After a hundred tries nobody looks
 *at their passwords any more; the owner signs in all the while from a network that they used
 *before, and their session goes on. The same after the daemon was killed.
 *
 * The answers: a wrong password, an account that does not exist, one that is disabled and one that
 * has no password get the same answer. Their times are compared by Welch's t-test, in turns, with
 * passwords so cheap that all else shows; with 10,000 samples or more, t must stay below 4.5.
 *
 *	guessing <directory of the programs> [samples of each]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/pick.h"
#include "bench/progress.h"
#include "bench/target.h"
#include "bench/watch.h"
#include "client/channel/channel.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "latchkey/v1/auth.rpc.h"
#include "latchkey/v1/user.rpc.h"

#define REALM "cheap"
#define PASSWORD "a password for campaigns"
#define WRONG "a passwort for campaigns"
#define ARENA_MAX ((size_t)1 << 20)

#define NETWORKS 1000
#define OWNER_EVERY 25 /* attempts of the attack */
#define HOME "203.0.113.7"
#define LIMIT 100       /* wrong passwords of an account in a day */
#define WRITTEN_MS 1500 /* counters are written at most a second later */

#define TRIES_PER_ACCOUNT 50 /* what its limit bears */
#define TRIES_PER_NETWORK 16
#define JUDGED_FROM 10000
#define T_MAX 4.5
#define CROP 0.9 /* the share of samples that is not a pause of something else */

enum kind { WRONG_PASSWORD, NO_ACCOUNT, DISABLED, NO_PASSWORD, KINDS };

static const char *const kind_names[KINDS] = { "a wrong password", "no such account",
	"a disabled account", "an account without a password" };

struct campaign {
	const char *program;
	struct lk_target target;
	struct lk_channel *channel; /* the operator's */
	struct lk_arena arena;
	unsigned long violations;
	unsigned long attacks, refused; /* of the attack: tried, and not looked at */
	unsigned long home;             /* sign-ins of the owner */
	double *times_ns[KINDS];
};

static void violate(struct campaign *campaign, const char *what)
{
	if (campaign->violations++ < 10)
		fprintf(stderr, "guessing: %s\n", what);
}

static bool told(struct lk_status st, const char *what)
{
	if (st.code != LK_OK)
		fprintf(stderr, "guessing: %s: %s (%s)\n", what, st.why, lk_code_name(st.code));
	return st.code == LK_OK;
}

/* --- calls --- */

static struct lk_status sign_in(struct campaign *campaign, const char *email, const char *password,
	const char *address, lk_sign_in_response **response_out)
{
	const struct lk_call_options options = { .timeout_ms = 30000, .attempts_max = 1 };
	lk_sign_in_request request = LK_SIGN_IN_REQUEST_INIT;

	request.realm = (char[]) { REALM };
	request.email = (char *)(uintptr_t)email;
	request.password = (char *)(uintptr_t)password;
	request.client_address = (char *)(uintptr_t)address;
	lk_arena_reset(&campaign->arena);
	return lk_auth_service_sign_in(
		campaign->channel, &options, &request, &campaign->arena, response_out);
}

static struct lk_status disable(struct campaign *campaign, const char *id)
{
	char *paths[] = { (char[]) { "enabled" } };
	Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
	lk_update_user_request request = LK_UPDATE_USER_REQUEST_INIT;
	lk_update_user_response *response;

	mask.n_paths = 1;
	mask.paths = paths;
	request.realm = (char[]) { REALM };
	request.id = (char *)(uintptr_t)id;
	request.update_mask = &mask;
	return lk_user_service_update_user(
		campaign->channel, NULL, &request, &campaign->arena, &response);
}

static bool create_user(struct campaign *campaign, enum kind kind, const char *email)
{
	lk_create_user_request request = LK_CREATE_USER_REQUEST_INIT;
	lk_create_user_response *response;
	char password[] = PASSWORD, none[] = "";
	struct lk_status st;

	request.realm = (char[]) { REALM };
	request.email = (char *)(uintptr_t)email;
	request.password = kind != NO_PASSWORD ? password : none;
	lk_arena_reset(&campaign->arena);
	st = lk_user_service_create_user(
		campaign->channel, NULL, &request, &campaign->arena, &response);
	if (st.code == LK_OK && kind == DISABLED)
		st = disable(campaign, response->user->id);
	return told(st, email);
}

/* As somebody who signs in now and then: with a history of networks. */
static bool create_and_use(struct campaign *campaign, enum kind kind, const char *email)
{
	static const char *const networks[] = { HOME, "198.51.100.20", "2001:db8:1:2::3" };
	lk_sign_in_response *response;

	if (!create_user(campaign, kind, email))
		return false;
	for (size_t i = 0; i < LK_COUNT(networks) && kind == WRONG_PASSWORD; i++)
		if (!told(sign_in(campaign, email, PASSWORD, networks[i], &response), email))
			return false;
	return true;
}

static bool open_channel(struct campaign *campaign)
{
	const struct lk_channel_options options = { .url = campaign->target.ipc_url };

	return lk_channel_open(&options, &campaign->channel).code == LK_OK;
}

/* --- the attack --- */

static bool verifies(struct campaign *campaign, const char *token)
{
	lk_authenticate_request request = LK_AUTHENTICATE_REQUEST_INIT;
	lk_credential credential = LK_CREDENTIAL_INIT, *credentials[] = { &credential };
	lk_authenticate_response *response;

	credential.kind = LK_CREDENTIAL_KIND_BEARER;
	credential.value = (char *)(uintptr_t)token;
	request.realm = (char[]) { REALM };
	request.n_credentials = 1;
	request.credentials = credentials;
	lk_arena_reset(&campaign->arena);
	return lk_auth_service_authenticate(
		       campaign->channel, NULL, &request, &campaign->arena, &response)
			       .code == LK_OK &&
	       response->allowed;
}

static void come_home(struct campaign *campaign, const char *token)
{
	lk_sign_in_response *response;

	campaign->home++;
	if (sign_in(campaign, "owner@example.org", PASSWORD, HOME, &response).code != LK_OK)
		violate(campaign, "the owner was kept out of a network that they used before");
	if (!verifies(campaign, token))
		violate(campaign, "the owner's session has ended");
}

static bool is_refusal(struct lk_status st)
{
	return st.code == LK_RESOURCE_EXHAUSTED && st.reason == LK_TOO_MANY_ATTEMPTS &&
	       st.retry_ms > 0;
}

/* Each network tries once. */
static void attack(struct campaign *campaign, const char *token)
{
	for (unsigned i = 0; i < NETWORKS; i++) {
		lk_sign_in_response *response;
		struct lk_status st;
		char address[32];

		lk_progress_show("attacking", i, NETWORKS);
		snprintf(address, sizeof address, "198.18.%u.%u", i / 250, i % 250);
		st = sign_in(campaign, "owner@example.org", WRONG, address, &response);
		campaign->attacks++;
		campaign->refused += is_refusal(st);
		if (st.code != LK_UNAUTHENTICATED && !is_refusal(st))
			violate(campaign, "a guess got another answer");
		if (i % OWNER_EVERY == 0)
			come_home(campaign, token);
	}
	lk_progress_end();
	if (!is_refusal(sign_in(campaign, "owner@example.org", PASSWORD, "198.18.200.1",
		    &(lk_sign_in_response *) { NULL })))
		violate(campaign, "a guess was looked at from a new network");
}

/* A few places come free meanwhile: the counter empties evenly. */
static void check_limit(struct campaign *campaign)
{
	if (campaign->attacks - campaign->refused > LIMIT + 2)
		violate(campaign, "more guesses were looked at than the account's limit");
}

static bool attack_the_owner(struct campaign *campaign)
{
	lk_sign_in_response *response;
	char token[1024];
	double ready_s;

	if (!create_user(campaign, WRONG_PASSWORD, "owner@example.org") ||
		sign_in(campaign, "owner@example.org", PASSWORD, HOME, &response).code != LK_OK)
		return false;
	snprintf(token, sizeof token, "%s", response->tokens->access_token);
	attack(campaign, token);
	check_limit(campaign);
	usleep(WRITTEN_MS * 1000);
	lk_target_kill(&campaign->target);
	if (lk_target_restart(&campaign->target, campaign->program, &ready_s).code != LK_OK)
		return false;
	attack(campaign, token);
	check_limit(campaign);
	return true;
}

/* --- answers and times --- */

struct samples {
	unsigned long n;
	uint64_t random;
	struct lk_status first; /* the answer that all must be */
	char why[128];
};

static const char *text_of(const char *text)
{
	return text != NULL ? text : "";
}

static void compare_answer(
	struct campaign *campaign, struct samples *samples, enum kind kind, struct lk_status st)
{
	if (samples->first.code == LK_OK) {
		samples->first = st;
		snprintf(samples->why, sizeof samples->why, "%s", text_of(st.why));
		if (st.code != LK_UNAUTHENTICATED || st.reason != LK_WRONG_CREDENTIALS)
			violate(campaign, text_of(st.why));
	}
	if (st.code != samples->first.code || st.reason != samples->first.reason ||
		st.retry_ms != samples->first.retry_ms || st.field != NULL ||
		strcmp(text_of(st.why), samples->why) != 0)
		violate(campaign, kind_names[kind]);
}

static void email_of(enum kind kind, unsigned long n, char email_out[48])
{
	snprintf(email_out, 48, "%c%05lu@example.org", "wndp"[kind], n / TRIES_PER_ACCOUNT);
}

static void sample(
	struct campaign *campaign, struct samples *samples, enum kind kind, unsigned long n)
{
	unsigned long network = (n * KINDS + kind) / TRIES_PER_NETWORK;
	lk_sign_in_response *response;
	char email[48], address[32];
	struct lk_status st;
	uint64_t start_ns;

	email_of(kind, n, email);
	snprintf(address, sizeof address, "10.%lu.%lu.%lu", network >> 16 & 255, network >> 8 & 255,
		network & 255);
	start_ns = lk_watch_ns();
	/* Nobody may sign in to these but with the one right password. */
	st = sign_in(
		campaign, email, kind == WRONG_PASSWORD ? WRONG : PASSWORD, address, &response);
	campaign->times_ns[kind][n] = (double)(lk_watch_ns() - start_ns);
	compare_answer(campaign, samples, kind, st);
}

/* In an order that is new in each round, so that none always follows another. */
static void sample_all(struct campaign *campaign, struct samples *samples)
{
	enum kind order[KINDS] = { WRONG_PASSWORD, NO_ACCOUNT, DISABLED, NO_PASSWORD };

	for (unsigned long n = 0; n < samples->n; n++) {
		lk_progress_show("asking", n, samples->n);
		for (unsigned i = KINDS - 1; i > 0; i--) {
			unsigned other = (unsigned)(lk_pick_random(&samples->random) % (i + 1));
			enum kind kind = order[i];

			order[i] = order[other];
			order[other] = kind;
		}
		for (unsigned i = 0; i < KINDS; i++)
			sample(campaign, samples, order[i], n);
	}
	lk_progress_end();
}

struct moments {
	double n, mean, variance;
};

static struct moments moments_of(const double *values, unsigned long n, double below)
{
	struct moments moments = { 0 };
	double squares = 0;

	for (unsigned long i = 0; i < n; i++) {
		double delta = values[i] - moments.mean;

		if (values[i] > below)
			continue;
		moments.n++;
		moments.mean += delta / moments.n;
		squares += delta * (values[i] - moments.mean);
	}
	moments.variance = moments.n > 1 ? squares / (moments.n - 1) : 0;
	return moments;
}

static double welch_t(const struct moments *a, const struct moments *b)
{
	return (a->mean - b->mean) / sqrt(a->variance / a->n + b->variance / b->n);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The quantile of two kinds together. */
static double quantile(const double *a, const double *b, unsigned long n, double q)
{
	double *all = lk_alloc(2 * n * sizeof *all), value;

	if (all == NULL)
		abort();
	memcpy(all, a, n * sizeof *all);
	memcpy(all + n, b, n * sizeof *all);
	qsort(all, 2 * n, sizeof *all, compare_doubles);
	value = all[(unsigned long)((double)(2 * n - 1) * q)];
	lk_free(all);
	return value;
}

/* t of all samples, and of those that nothing else delayed, which is sharper. */
static void compare_times(struct campaign *campaign, const struct samples *samples, enum kind kind)
{
	const double *wrong = campaign->times_ns[WRONG_PASSWORD], *other = campaign->times_ns[kind];
	double below[] = { INFINITY, quantile(wrong, other, samples->n, CROP) };
	double t[LK_COUNT(below)];

	for (unsigned i = 0; i < LK_COUNT(below); i++) {
		struct moments a = moments_of(wrong, samples->n, below[i]);
		struct moments b = moments_of(other, samples->n, below[i]);

		t[i] = welch_t(&a, &b);
		printf("%-30s  %-8s  %9.2f  %8.2f  %6.2f\n", kind_names[kind],
			i == 0 ? "all" : "fastest", b.mean / 1e3, (b.mean - a.mean) / 1e3, t[i]);
		if (samples->n >= JUDGED_FROM && fabs(t[i]) >= T_MAX)
			violate(campaign, "the time tells accounts apart");
	}
}

static bool compare_accounts(struct campaign *campaign, unsigned long n)
{
	struct samples samples = { .n = n, .random = n };

	for (unsigned kind = 0; kind < KINDS; kind++) {
		campaign->times_ns[kind] = lk_alloc(n * sizeof(double));
		if (campaign->times_ns[kind] == NULL)
			return false;
		for (unsigned long i = 0; i < n && kind != NO_ACCOUNT; i += TRIES_PER_ACCOUNT) {
			char email[48];

			lk_progress_show("creating users", i, n);
			email_of((enum kind)kind, i, email);
			if (!create_and_use(campaign, (enum kind)kind, email))
				return false;
		}
	}
	lk_progress_end();
	sample_all(campaign, &samples);
	printf("against %-22s  samples    mean us   more us       t\n", kind_names[0]);
	for (unsigned kind = WRONG_PASSWORD + 1; kind < KINDS; kind++)
		compare_times(campaign, &samples, (enum kind)kind);
	return true;
}

int main(int argc, char **argv)
{
	static struct campaign campaign;
	unsigned long samples = argc > 2 ? strtoul(argv[2], NULL, 10) : 100;
	char program[512];
	bool is_good;

	if (argc < 2 || samples == 0) {
		fprintf(stderr, "usage: guessing DIRECTORY [SAMPLES]\n");
		return 2;
	}
	snprintf(program, sizeof program, "%s/latchkey-bench", argv[1]);
	campaign.program = program;
	lk_arena_init(&campaign.arena, ARENA_MAX);
	is_good = lk_target_start(&campaign.target, program).code == LK_OK &&
		  open_channel(&campaign) && compare_accounts(&campaign, samples) &&
		  attack_the_owner(&campaign) && campaign.violations == 0;
	printf("%lu guesses from %d networks, %lu of them not looked at; the owner signed in %lu "
	       "times; %lu violations\n",
		campaign.attacks, NETWORKS, campaign.refused, campaign.home, campaign.violations);
	lk_channel_close(campaign.channel);
	lk_target_stop(&campaign.target);
	for (unsigned kind = 0; kind < KINDS; kind++)
		lk_free(campaign.times_ns[kind]);
	lk_arena_fini(&campaign.arena);
	return is_good ? 0 : 1;
}
