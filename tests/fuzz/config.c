/* SPDX-License-Identifier: MIT */
/* Configuration files.
 *
 * Invariants: a file is refused with a report, or has all that is required within its bounds, and
 * its realms are realms that the server can open.
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int fd = memfd_create("latchkey.yaml", MFD_CLOEXEC);
	struct lk_config config;
	struct lk_arena arena;
	struct lk_buf errors;
	struct lk_status st;
	char path[32];

	FUZZ_CHECK(fd >= 0 && write(fd, data, n) == (ssize_t)n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	lk_arena_init(&arena, (size_t)1 << 20);
	lk_buf_init(&errors, (size_t)1 << 20);
	st = lk_config_load(path, &arena, &config, &errors);
	FUZZ_CHECK(errors.failed || (errors.n > 0 && errors.data[errors.n - 1] == '\0'));
	FUZZ_CHECK((st.code == LK_OK) == (errors.n == 1));
	if (st.code == LK_OK) {
		check_config(&config);
		check_realms(&config, &arena);
	}
	lk_buf_fini(&errors);
	lk_arena_fini(&arena);
	close(fd);
	return 0;
}
