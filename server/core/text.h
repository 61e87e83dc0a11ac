/* SPDX-License-Identifier: MIT */
/* Checks of texts that people give to things. */
#pragma once

#include <stdbool.h>

#include "proto/wire/types.h"

/* True for UTF-8 without control characters, within the length. */
bool lk_text_is_plain(struct lk_bytes text, size_t n_min, size_t n_max);

/* False for texts that differ. Not for secrets. */
bool lk_text_equal(struct lk_bytes a, struct lk_bytes b);

/* At most n_max bytes of a text, cut at the end of a character. */
size_t lk_text_cut(struct lk_bytes text, size_t n_max);
