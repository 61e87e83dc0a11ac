/* SPDX-License-Identifier: MIT */
/* Configurations, written to a file and loaded. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/config.h"
#include "tests/support/check.h"

#define HEAD "data_dir: d\nlisten: { operator: 'ipc://run/rpc.sock' }\n"

struct fixture {
	struct lk_arena arena;
	struct lk_config config;
	struct lk_buf errors;
	struct lk_status st;
	char path[64];
};

static inline void load(struct fixture *f, const char *yaml)
{
	FILE *file;
	int fd;

	snprintf(f->path, sizeof f->path, "/tmp/latchkey-config-XXXXXX");
	fd = mkstemp(f->path);
	file = fdopen(fd, "w");
	fputs(yaml, file);
	fclose(file);
	lk_arena_init(&f->arena, 1 << 20);
	lk_buf_init(&f->errors, 1 << 16);
	f->st = lk_config_load(f->path, &f->arena, &f->config, &f->errors);
	unlink(f->path);
}

static inline void unload(struct fixture *f)
{
	lk_arena_fini(&f->arena);
	lk_buf_fini(&f->errors);
}

/* The file is refused for this one mistake, in this line. */
static inline void check_mistake(const char *yaml, int line, const char *what)
{
	char expected[256];
	const char *report;
	struct fixture f;

	load(&f, yaml);
	report = (const char *)f.errors.data;
	CHECK_CODE(f.st, LK_INVALID_ARGUMENT);
	snprintf(expected, sizeof expected, "%s:%d: %s", f.path, line, what);
	if (strstr(report, expected) != report || strchr(report, '\n') != strrchr(report, '\n'))
		fail_msg("expected one mistake, line %d, '%s' in:\n%s", line, what, report);
	unload(&f);
}
