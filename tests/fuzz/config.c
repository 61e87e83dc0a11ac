/* SPDX-License-Identifier: MIT */
/* Configuration files.
 *
 * Invariants: a file is refused with a report, or has all that is required within its bounds, and
 * its realms are realms that the server can open. What latchkeyd accepts, latchkey-bridge reads
 * alike.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "server/config.h"
#include "server/core/realm.h"
#include "tests/fuzz/fuzz.h"

static void check_realms(const struct lk_config *config, struct lk_arena *arena)
{
	struct lk_session_policy *sessions =
		lk_arena_calloc(arena, config->n_realms + 1, sizeof *sessions);
	struct lk_realm_spec *specs = lk_arena_calloc(arena, config->n_realms + 1, sizeof *specs);
	struct lk_realms *realms;

	FUZZ_CHECK(specs != NULL && sessions != NULL);
	for (size_t i = 0; i < config->n_realms; i++)
		lk_config_realm_spec(&config->realms[i], &sessions[i], &specs[i]);
	FUZZ_OK(lk_realms_new(specs, config->n_realms, NULL, &realms));
	lk_realms_free(realms);
}

static void check_config(const struct lk_config *config)
{
	FUZZ_CHECK(config->data_dir[0] != '\0');
	FUZZ_CHECK(strncmp(config->operator_url, "ipc://", 6) == 0);
	FUZZ_CHECK(config->n_listen <= LK_CONFIG_LISTENERS_MAX);
	for (size_t i = 0; i < config->n_listen; i++)
		FUZZ_CHECK(strstr(config->listen[i], "://") == config->listen[i] + 3);
	FUZZ_CHECK(config->connections_max >= 1 && config->connections_max <= 100000);
	FUZZ_CHECK(config->read.workers >= 1 && config->read.workers <= 64);
	FUZZ_CHECK(config->sweep_ms >= 1000 && config->sweep_ms <= 86400000);
}

static void check_texts(const char *const *a, size_t n_a, const char *const *b, size_t n_b)
{
	FUZZ_CHECK(n_a == n_b);
	for (size_t i = 0; i < n_a; i++)
		FUZZ_CHECK(strcmp(a[i], b[i]) == 0);
}

static void check_bridge_realm(const struct lk_bridge_realm *a, const struct lk_bridge_realm *b)
{
	FUZZ_CHECK(strcmp(a->name, b->name) == 0 && strcmp(a->key_prefix, b->key_prefix) == 0);
	FUZZ_CHECK((a->surface != NULL) == (b->surface != NULL));
	check_texts(a->listen, a->n_listen, b->listen, b->n_listen);
	check_texts(a->hosts, a->n_hosts, b->hosts, b->n_hosts);
	check_texts(a->origins, a->n_origins, b->origins, b->n_origins);
}

/* The daemon's reading of the bridge's part, and the bridge's own. */
static void check_bridge(const struct lk_bridge_config *a, const struct lk_bridge_config *b)
{
	check_texts(a->listen, a->n_listen, b->listen, b->n_listen);
	FUZZ_CHECK((a->operations != NULL) == (b->operations != NULL));
	FUZZ_CHECK(a->plaintext_ok == b->plaintext_ok && a->loops == b->loops && a->loops <= 64);
	FUZZ_CHECK(a->connections_max == b->connections_max && a->connections_max >= 1);
	FUZZ_CHECK(a->connections_per_address_max == b->connections_per_address_max);
	FUZZ_CHECK(a->n_trusted_proxies == b->n_trusted_proxies);
	for (size_t i = 0; i < a->n_trusted_proxies; i++)
		FUZZ_CHECK(memcmp(&a->trusted_proxies[i], &b->trusted_proxies[i],
				   sizeof a->trusted_proxies[i]) == 0);
	FUZZ_CHECK(a->n_realms == b->n_realms);
	for (size_t i = 0; i < a->n_realms; i++)
		check_bridge_realm(&a->realms[i], &b->realms[i]);
}

static void check_report(struct lk_status st, const struct lk_buf *errors)
{
	FUZZ_CHECK(errors->failed || (errors->n > 0 && errors->data[errors->n - 1] == '\0'));
	FUZZ_CHECK((st.code == LK_OK) == (errors->n == 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int fd = memfd_create("latchkey.yaml", MFD_CLOEXEC);
	struct lk_buf errors, bridge_errors;
	struct lk_status st, bridge_st;
	struct lk_bridge_config bridge;
	struct lk_config config;
	struct lk_arena arena, bridge_arena;
	char path[32];

	FUZZ_CHECK(fd >= 0 && write(fd, data, n) == (ssize_t)n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	lk_arena_init(&arena, (size_t)1 << 20);
	lk_arena_init(&bridge_arena, (size_t)1 << 20);
	lk_buf_init(&errors, (size_t)1 << 20);
	lk_buf_init(&bridge_errors, (size_t)1 << 20);
	st = lk_config_load(path, &arena, &config, &errors);
	check_report(st, &errors);
	bridge_st = lk_bridge_config_load(path, &bridge_arena, &bridge, &bridge_errors);
	check_report(bridge_st, &bridge_errors);
	if (st.code == LK_OK) {
		check_config(&config);
		FUZZ_OK(bridge_st);
		check_bridge(&config.http, &bridge);
		check_realms(&config, &arena);
	}
	lk_buf_fini(&errors);
	lk_buf_fini(&bridge_errors);
	lk_arena_fini(&arena);
	lk_arena_fini(&bridge_arena);
	close(fd);
	return 0;
}
