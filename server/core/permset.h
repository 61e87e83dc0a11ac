/* SPDX-License-Identifier: MIT */
/* Permissions of a realm as bits.
 *
 * A catalog gives each permission name a bit. A scope, as granted to a key, is a name
 * (`records.read`), a wildcard over a resource (`records.*`) or `*`; compiled it is a set of
 * bits. A bit keeps its meaning while the process lives: a reloaded configuration adds bits and
 * withdraws names but never gives a bit to another name, so sets compiled under different
 * configurations can be compared.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/status.h"

#define LK_PERMISSIONS_MAX 256
#define LK_PERMISSION_NAME_MAX 64

struct lk_permset {
	uint64_t w[LK_PERMISSIONS_MAX / 64];
};

/* Names by bit. Read-only, and thus thread-safe, once its realm is published. */
struct lk_catalog {
	char names[LK_PERMISSIONS_MAX][LK_PERMISSION_NAME_MAX + 1];
	uint16_t by_name[LK_PERMISSIONS_MAX]; /* the n bits, ordered by name */
	size_t n;
	struct lk_permset offered; /* bits whose names the configuration has now */
};

/* True for parts of letters, digits, `_` and `-`, joined by dots; at most
 * LK_PERMISSION_NAME_MAX bytes. */
bool lk_permission_is_valid(struct lk_bytes name);

/* Gives a name a bit, its old one if it had one, and offers it.
 *
 * LK_INVALID_ARGUMENT    malformed, or offered already
 * LK_RESOURCE_EXHAUSTED  no bit is left
 */
LK_MUST_USE struct lk_status lk_catalog_add(struct lk_catalog *catalog, struct lk_bytes name);

/* The bit of an offered name, or -1. About eight comparisons. */
int lk_catalog_find(const struct lk_catalog *catalog, struct lk_bytes name);

/* Adds what a scope grants to the set. False, and nothing added, when it is malformed or when
 * it grants nothing that is offered. `*` sets every bit, those of later names too. */
bool lk_catalog_grant(
	const struct lk_catalog *catalog, struct lk_bytes scope, struct lk_permset *set);

void lk_permset_add(struct lk_permset *set, unsigned bit);
bool lk_permset_has(const struct lk_permset *set, unsigned bit);

/* True when the set has all of `wanted`. */
bool lk_permset_contains(const struct lk_permset *set, const struct lk_permset *wanted);

struct lk_permset lk_permset_intersect(const struct lk_permset *a, const struct lk_permset *b);
