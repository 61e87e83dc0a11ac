/* SPDX-License-Identifier: MIT */
#include "bench/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/channel/channel.h"

bool lk_session_told(struct lk_status st, const char *what)
{
	if (st.code == LK_OK)
		return true;
	fprintf(stderr, "latchkey-bench: %s: %s%s%s (%s)\n", what, st.field != NULL ? st.field : "",
		st.field != NULL ? ": " : "", st.why, lk_code_name(st.code));
	return false;
}

struct lk_channel *lk_session_open(const struct lk_session *session, const char *url)
{
	const char *credential = session->target.credential;
	const struct lk_channel_options options = {
		.url = url,
		.credential = { (const uint8_t *)credential, strlen(credential) },
		.connect_timeout_ms = 5000,
	};
	struct lk_channel *channel = NULL;

	lk_session_told(lk_channel_open(&options, &channel), url);
	return channel;
}

static const char *any_url(const struct lk_target *target)
{
	return target->tcp_url[0] != '\0' ? target->tcp_url : target->ipc_url;
}

bool lk_session_begin(struct lk_session *session, const struct lk_bench_options *options)
{
	unsigned long n_miss = options->miss_percent > 0 ? options->keys / 10 + 1 : 0;
	struct lk_channel *channel;
	struct lk_status st;

	*session = (struct lk_session) { 0 };
	st = options->server != NULL ? lk_target_use(&session->target, options->server,
					       options->credential_file, options->realm)
				     : lk_target_start(&session->target, options->program);
	if (!lk_session_told(st, "target"))
		return false;
	channel = lk_session_open(session, any_url(&session->target));
	if (channel == NULL)
		return false;
	if (options->credential == NULL || strcmp(options->credential, "key") == 0) {
		st = lk_bench_keys_create(
			&session->keys, channel, session->target.realm, options->keys, n_miss);
	} else {
		snprintf(session->target.realm, sizeof session->target.realm, "%s",
			strcmp(options->credential, "session") == 0 ? "opaque"
								    : options->credential);
		st = lk_bench_sessions_create(
			&session->keys, channel, session->target.realm, options->keys);
	}
	lk_channel_close(channel);
	lk_pick_init(&session->pick, options->keys, options->is_zipf);
	lk_pick_init(&session->pick_miss, n_miss > 0 ? n_miss : 1, false);
	return lk_session_told(st, "keys");
}

void lk_session_end(struct lk_session *session)
{
	struct lk_channel *channel;

	if (session->target.daemon == 0 && session->keys.items != NULL) {
		channel = lk_session_open(session, any_url(&session->target));
		if (channel != NULL)
			lk_session_told(
				lk_bench_keys_revoke(&session->keys, channel, session->target.realm,
					0, session->keys.n + session->keys.n_miss),
				"revoke");
		lk_channel_close(channel);
	}
	lk_bench_keys_fini(&session->keys);
	lk_target_stop(&session->target);
}

bool lk_session_round(const struct lk_session *session, struct lk_channel *channel,
	const struct lk_load *shape, struct lk_histogram *histogram, double *per_second_out)
{
	struct lk_load_result result;
	struct lk_load load = *shape;

	load.channel = channel;
	load.realm = session->target.realm;
	load.keys = &session->keys;
	load.pick = &session->pick;
	load.pick_miss = &session->pick_miss;
	if (!lk_session_told(lk_load_run(&load, histogram, &result), "load"))
		return false;
	if (result.wrong + result.failed > 0) {
		fprintf(stderr, "latchkey-bench: of %llu answers %llu were wrong, %llu failed\n",
			(unsigned long long)result.answers, (unsigned long long)result.wrong,
			(unsigned long long)result.failed);
		return false;
	}
	*per_second_out = result.per_second;
	return true;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double lk_median(double *values, unsigned n)
{
	qsort(values, n, sizeof *values, compare_doubles);
	return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}
