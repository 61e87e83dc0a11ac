/* SPDX-License-Identifier: MIT */
#include "server/jwks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "proto/wire/arena.h"
#include "proto/wire/buf.h"
#include "server/clock.h"
#include "server/log.h"

#define TEXT_MAX ((size_t)256 * 1024)
#define TICK_MS 500
#define FRESH_MS 300000
#define AGAIN_MS 30000
#define CONNECT_MS 5000L
#define TOTAL_MS 10000L

struct lk_jwks_fetcher {
	struct lk_key_sources *sources;
	pthread_t thread;
	pthread_mutex_t lock; /* for the condition */
	pthread_cond_t changed;
	atomic_bool is_over;
	/* The thread's, for each source: when it was asked last, and when it is next; in ms. */
	uint64_t asked[LK_KEY_SOURCES_MAX];
	uint64_t due[LK_KEY_SOURCES_MAX];
};

bool lk_jwks_is_url(const char *location)
{
	return strstr(location, "://") != NULL;
}

struct lk_status lk_jwks_read_file(struct lk_key_source *source)
{
	FILE *file = fopen(lk_key_source_location(source), "re");
	struct lk_status st;
	uint8_t *room;
	struct lk_buf text;
	size_t n;

	if (file == NULL)
		return LK_ERR(LK_NOT_FOUND, "the file of a JWK Set cannot be read");
	lk_buf_init(&text, TEXT_MAX);
	room = lk_buf_reserve(&text, TEXT_MAX);
	n = room != NULL ? fread(room, 1, TEXT_MAX, file) : 0;
	fclose(file);
	st = room == NULL    ? LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory")
	     : n == TEXT_MAX ? LK_ERR(LK_INVALID_ARGUMENT, "a JWK Set has at most 256 KiB")
			     : lk_key_source_set(source, (struct lk_bytes) { room, n });
	lk_buf_fini(&text);
	return st;
}

static size_t take(char *data, size_t size, size_t n, void *arg)
{
	struct lk_buf *text = arg;

	lk_buf_add(text, data, size * n);
	return text->failed ? 0 : size * n;
}

/* About once a second: whether to go on (0). An end of the process waits for nobody's server. */
static int look(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct lk_jwks_fetcher *fetcher = arg;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return atomic_load(&fetcher->is_over);
}

/* NULL, or why not. */
static const char *get(
	struct lk_jwks_fetcher *fetcher, CURL *curl, const char *url, struct lk_buf *text)
{
	long status = 0;
	CURLcode code;

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TOTAL_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, text);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "latchkeyd/" LK_VERSION);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, fetcher);
	code = curl_easy_perform(curl);
	if (code != CURLE_OK)
		return text->failed ? "the JWK Set is larger than 256 KiB"
				    : curl_easy_strerror(code);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status == 200 ? NULL : "the answer is not 200";
}

static bool fetch(struct lk_jwks_fetcher *fetcher, CURL *curl, struct lk_key_source *source)
{
	const char *why;
	struct lk_buf text;
	struct lk_status st;

	lk_buf_init(&text, TEXT_MAX);
	why = get(fetcher, curl, lk_key_source_location(source), &text);
	if (why == NULL) {
		st = lk_key_source_set(source, (struct lk_bytes) { text.data, text.n });
		why = st.code != LK_OK ? st.why : NULL;
	}
	lk_buf_fini(&text);
	if (why != NULL && !atomic_load(&fetcher->is_over))
		lk_log(LK_LOG_WARN, "no JWK Set",
			LK_LOG_TEXT("url", lk_key_source_location(source)),
			LK_LOG_TEXT("why", why));
	return why == NULL;
}

static uint64_t now_ms(void)
{
	return lk_clock_mono_us() / 1000;
}

static void fetch_due(struct lk_jwks_fetcher *fetcher, CURL *curl)
{
	struct lk_key_source *source;

	for (size_t i = 0; (source = lk_key_sources_at(fetcher->sources, i)) != NULL; i++) {
		uint64_t now = now_ms();

		if (!lk_jwks_is_url(lk_key_source_location(source)))
			continue;
		if (lk_key_source_is_wanted(source) &&
			fetcher->asked[i] + AGAIN_MS < fetcher->due[i])
			fetcher->due[i] = fetcher->asked[i] + AGAIN_MS;
		if (fetcher->due[i] > now)
			continue;
		fetcher->asked[i] = now;
		fetcher->due[i] = now + (fetch(fetcher, curl, source) ? FRESH_MS : AGAIN_MS);
	}
}

static void wait(struct lk_jwks_fetcher *fetcher)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += TICK_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&fetcher->changed, &fetcher->lock, &until);
}

static void *run(void *arg)
{
	struct lk_jwks_fetcher *fetcher = arg;
	CURL *curl = curl_easy_init();

	pthread_mutex_lock(&fetcher->lock);
	while (curl != NULL && !atomic_load(&fetcher->is_over)) {
		pthread_mutex_unlock(&fetcher->lock);
		fetch_due(fetcher, curl);
		pthread_mutex_lock(&fetcher->lock);
		if (!atomic_load(&fetcher->is_over))
			wait(fetcher);
	}
	pthread_mutex_unlock(&fetcher->lock);
	curl_easy_cleanup(curl);
	return NULL;
}

struct lk_status lk_jwks_fetcher_start(
	struct lk_key_sources *sources, struct lk_jwks_fetcher **fetcher_out)
{
	struct lk_jwks_fetcher *fetcher = lk_alloc(sizeof *fetcher);

	if (fetcher == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "short of memory");
	fetcher->sources = sources;
	pthread_mutex_init(&fetcher->lock, NULL);
	pthread_cond_init(&fetcher->changed, NULL);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0 &&
		pthread_create(&fetcher->thread, NULL, run, fetcher) == 0) {
		*fetcher_out = fetcher;
		return LK_SUCCESS;
	}
	lk_free(fetcher);
	return LK_ERR(LK_RESOURCE_EXHAUSTED, "no thread for JWK Sets");
}

void lk_jwks_fetcher_wake(struct lk_jwks_fetcher *fetcher)
{
	pthread_cond_signal(&fetcher->changed);
}

void lk_jwks_fetcher_stop(struct lk_jwks_fetcher *fetcher)
{
	if (fetcher == NULL)
		return;
	pthread_mutex_lock(&fetcher->lock);
	atomic_store(&fetcher->is_over, true);
	pthread_cond_signal(&fetcher->changed);
	pthread_mutex_unlock(&fetcher->lock);
	pthread_join(fetcher->thread, NULL);
	lk_free(fetcher);
}
