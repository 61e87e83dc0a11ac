/* SPDX-License-Identifier: MIT */
#include "server/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void lk_metrics_count(struct lk_metrics *metrics, const struct lk_call_outcome *outcome)
{
	size_t number = outcome->method != NULL ? outcome->method->number : 0;

	if (number >= LK_METRICS_METHODS)
		number = 0;
	atomic_fetch_add_explicit(
		&metrics->calls[number][outcome->status.code != LK_OK], 1, memory_order_relaxed);
}

void lk_metrics_observe(struct lk_metrics *metrics, const struct lk_services *services)
{
	struct lk_index_stats stats = lk_index_stats(services->index);

	atomic_store(&metrics->keys, stats.keys);
	atomic_store(&metrics->sessions, stats.sessions);
	atomic_store(&metrics->index_bytes, stats.bytes);
	atomic_store(&metrics->unreadable, stats.unreadable);
	atomic_store(&metrics->commits, stats.seq);
	atomic_store(&metrics->is_behind, lk_index_is_behind(services->index));
	atomic_store(&metrics->is_writable, lk_committer_is_writable(services->committer));
}

__attribute__((format(printf, 2, 3))) static void put_line(
	struct lk_buf *out, const char *format, ...)
{
	char line[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	lk_buf_add(out, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static void put_family(struct lk_buf *out, const char *name, const char *kind, const char *help)
{
	put_line(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void put_value(
	struct lk_buf *out, const char *name, const char *kind, uint64_t value, const char *help)
{
	put_family(out, name, kind, help);
	put_line(out, "%s %" PRIu64 "\n", name, value);
}

static void put_calls(
	const struct lk_metrics *metrics, const struct lk_method *method, struct lk_buf *out)
{
	static const char *const outcomes[] = { "ok", "error" };
	size_t number = method != NULL ? method->number : 0;

	for (size_t i = 0; i < LK_COUNT(outcomes); i++)
		put_line(out,
			"latchkey_calls_total{method=\"%s%s%s\",outcome=\"%s\"} %" PRIu64 "\n",
			method != NULL ? method->service : "", method != NULL ? "/" : "",
			method != NULL ? method->name : "", outcomes[i],
			atomic_load_explicit(&metrics->calls[number][i], memory_order_relaxed));
}

void lk_metrics_print(
	const struct lk_metrics *metrics, const struct lk_services *services, struct lk_buf *out)
{
	put_family(out, "latchkey_build_info", "gauge", "The version that runs.");
	put_line(out, "latchkey_build_info{version=\"" LK_VERSION "\"} 1\n");
	put_value(out, "latchkey_keys", "gauge", atomic_load(&metrics->keys),
		"Keys that can be verified.");
	put_value(out, "latchkey_sessions", "gauge", atomic_load(&metrics->sessions),
		"Sessions that can be verified.");
	put_value(out, "latchkey_index_bytes", "gauge", atomic_load(&metrics->index_bytes),
		"Memory of the verification index.");
	put_value(out, "latchkey_index_unreadable", "gauge", atomic_load(&metrics->unreadable),
		"Records that are damaged, and refused.");
	put_value(out, "latchkey_index_behind", "gauge", atomic_load(&metrics->is_behind),
		"Whether a commit could not be applied to the index.");
	put_value(out, "latchkey_commits_total", "counter", atomic_load(&metrics->commits),
		"Commits that are in the index, since the store was made.");
	put_value(out, "latchkey_store_writable", "gauge", atomic_load(&metrics->is_writable),
		"Whether the store takes changes.");
	put_family(out, "latchkey_calls_total", "counter", "Calls that were answered.");
	for (size_t i = 0; i < LK_SERVICES_N; i++) {
		const struct lk_service *service = services->bindings[i].service;

		for (size_t j = 0; j < service->n_methods; j++)
			put_calls(metrics, &service->methods[j], out);
	}
	put_calls(metrics, NULL, out);
}
