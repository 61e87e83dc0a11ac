/* SPDX-License-Identifier: MIT */
/* What all fuzz targets share. A target is one file with LLVMFuzzerTestOneInput: under the preset
 * `fuzz` libFuzzer calls it, elsewhere driver.c does, with the files of its corpus. A target
 * states its invariants at the top; one that breaks ends the process, as a sanitizer does.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "proto/wire/buf.h"
#include "proto/wire/status.h"

/* Must return 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_CHECK(condition) \
	do { \
		if (!(condition)) \
			fuzz_fail(#condition, __FILE__, __LINE__); \
	} while (0)
#define FUZZ_OK(status) FUZZ_CHECK((status).code == LK_OK)

_Noreturn static inline void fuzz_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, what);
	abort();
}

static inline struct lk_bytes fuzz_text(const char *text)
{
	return (struct lk_bytes) { (const uint8_t *)text, strlen(text) };
}

static inline bool fuzz_same(struct lk_bytes a, struct lk_bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.data, b.data, a.n) == 0);
}

/* Takes the first byte off, below `n`; 0 when there is none. Most targets choose by it. */
static inline unsigned fuzz_choice(struct lk_bytes *input, unsigned n)
{
	unsigned choice;

	if (input->n == 0)
		return 0;
	choice = input->data[0] % n;
	input->data++;
	input->n--;
	return choice;
}
