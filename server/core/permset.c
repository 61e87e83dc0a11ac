/* SPDX-License-Identifier: MIT */
#include "server/core/permset.h"

#include <string.h>

void lk_permset_add(struct lk_permset *set, unsigned bit)
{
	set->w[bit / 64] |= (uint64_t)1 << bit % 64;
}

bool lk_permset_has(const struct lk_permset *set, unsigned bit)
{
	return (set->w[bit / 64] >> bit % 64 & 1) != 0;
}

bool lk_permset_contains(const struct lk_permset *set, const struct lk_permset *wanted)
{
	uint64_t missing = 0;

	for (size_t i = 0; i < LK_COUNT(set->w); i++)
		missing |= wanted->w[i] & ~set->w[i];
	return missing == 0;
}

struct lk_permset lk_permset_intersect(const struct lk_permset *a, const struct lk_permset *b)
{
	struct lk_permset both;

	for (size_t i = 0; i < LK_COUNT(both.w); i++)
		both.w[i] = a->w[i] & b->w[i];
	return both;
}

static bool is_name_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* Parts joined by dots, none of them empty; how many is left to the caller. */
static bool has_parts(struct lk_bytes name, size_t *parts_out)
{
	size_t parts = 1;
	size_t part_n = 0;

	for (size_t i = 0; i < name.n; i++) {
		if (is_name_char(name.data[i])) {
			part_n++;
			continue;
		}
		if (name.data[i] != '.' || part_n == 0)
			return false;
		parts++;
		part_n = 0;
	}
	*parts_out = parts;
	return part_n > 0;
}

bool lk_permission_is_valid(struct lk_bytes name)
{
	size_t parts;

	return name.n <= LK_PERMISSION_NAME_MAX && has_parts(name, &parts);
}

static int compare(const char *known, struct lk_bytes name)
{
	int order = strncmp(known, (const char *)name.data, name.n);

	return order != 0 ? order : known[name.n];
}

/* The place of a name in by_name, or where it would belong. */
static size_t find_place(const struct lk_catalog *catalog, struct lk_bytes name, bool *found_out)
{
	size_t low = 0;
	size_t high = catalog->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = compare(catalog->names[catalog->by_name[middle]], name);

		if (order == 0) {
			*found_out = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found_out = false;
	return low;
}

struct lk_status lk_catalog_add(struct lk_catalog *catalog, struct lk_bytes name)
{
	unsigned bit;
	size_t place;
	bool found;

	if (!lk_permission_is_valid(name))
		return LK_BAD_FIELD("permissions", "a permission is words joined by dots");
	place = find_place(catalog, name, &found);
	if (!found && catalog->n == LK_PERMISSIONS_MAX)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "a realm has at most 256 permissions");
	if (!found) {
		bit = (unsigned)catalog->n++;
		memcpy(catalog->names[bit], name.data, name.n);
		catalog->names[bit][name.n] = '\0';
		memmove(&catalog->by_name[place + 1], &catalog->by_name[place],
			(bit - place) * sizeof catalog->by_name[0]);
		catalog->by_name[place] = (uint16_t)bit;
	}
	bit = catalog->by_name[place];
	if (lk_permset_has(&catalog->offered, bit))
		return LK_BAD_FIELD("permissions", "a permission occurs twice");
	lk_permset_add(&catalog->offered, bit);
	return LK_SUCCESS;
}

int lk_catalog_find(const struct lk_catalog *catalog, struct lk_bytes name)
{
	bool found;
	size_t place;

	/* A NUL inside would end the comparison early. */
	if (name.n == 0 || name.n > LK_PERMISSION_NAME_MAX || memchr(name.data, 0, name.n) != NULL)
		return -1;
	place = find_place(catalog, name, &found);
	if (!found || !lk_permset_has(&catalog->offered, catalog->by_name[place]))
		return -1;
	return catalog->by_name[place];
}

/* `stem` ends in a dot: all offered names that start with it. */
static bool grant_below(
	const struct lk_catalog *catalog, struct lk_bytes stem, struct lk_permset *set)
{
	bool granted = false;

	for (unsigned bit = 0; bit < catalog->n; bit++) {
		if (!lk_permset_has(&catalog->offered, bit) ||
			strncmp(catalog->names[bit], (const char *)stem.data, stem.n) != 0)
			continue;
		lk_permset_add(set, bit);
		granted = true;
	}
	return granted;
}

bool lk_catalog_grant(
	const struct lk_catalog *catalog, struct lk_bytes scope, struct lk_permset *set)
{
	size_t parts;
	int bit;

	if (scope.n == 1 && scope.data[0] == '*') {
		memset(set, 0xff, sizeof *set);
		return true;
	}
	if (scope.n > 2 && scope.n <= LK_PERMISSION_NAME_MAX && scope.data[scope.n - 1] == '*' &&
		scope.data[scope.n - 2] == '.') {
		struct lk_bytes resource = { scope.data, scope.n - 2 };
		struct lk_bytes stem = { scope.data, scope.n - 1 };

		return has_parts(resource, &parts) && grant_below(catalog, stem, set);
	}
	bit = lk_catalog_find(catalog, scope);
	if (bit < 0)
		return false;
	lk_permset_add(set, (unsigned)bit);
	return true;
}
