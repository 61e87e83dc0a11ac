/* SPDX-License-Identifier: MIT */
/* The configuration's limits. */
#include <string.h>

#include "server/config_priv.h"

/* As it is read. */
struct limit {
	const char *name;
	const char *per;
	uint32_t requests;
	uint32_t period_s;
	uint32_t callers;
};

#define IN_LIMIT(member) offsetof(struct limit, member)

static void read_callers(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	struct limit *limit = into;

	lk_config_read_callers(reader, name, node, &limit->callers);
}

static bool is_name(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return text[n] == '\0' && n <= LK_LIMIT_NAME_MAX;
}

static const struct lk_config_field limit_fields[] = {
	{ .name = "name",
		.kind = LK_CONFIG_TEXT,
		.offset = IN_LIMIT(name),
		.required = true,
		.is_valid = is_name,
		.rule = "must be 1 to 32 of a-z, 0-9, - and _" },
	{ .name = "per",
		.kind = LK_CONFIG_CHOICE,
		.offset = IN_LIMIT(per),
		.required = true,
		.choices = "key|user|organization|address|realm" },
	{ .name = "requests",
		.kind = LK_CONFIG_NUMBER,
		.offset = IN_LIMIT(requests),
		.required = true,
		.min = 1,
		.max = 1000000000 },
	{ .name = "period",
		.kind = LK_CONFIG_DURATION_S,
		.offset = IN_LIMIT(period_s),
		.required = true,
		.min = 1000,
		.max = 366L * 24 * 3600 * 1000 },
	{ .name = "callers", .kind = LK_CONFIG_CUSTOM, .read = read_callers },
	{ 0 },
};

/* In the order of enum lk_limit_per. */
static enum lk_limit_per per_of(const char *text)
{
	static const char *const names[] = { "key", "user", "organization", "address", "realm" };
	size_t i = 0;

	while (i < LK_COUNT(names) - 1 && strcmp(names[i], text) != 0)
		i++;
	return (enum lk_limit_per)i;
}

static struct lk_limit_spec read_limit(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node)
{
	struct limit limit = { .callers = UINT32_MAX };

	lk_config_read_section(reader, limit_fields, name, node, &limit);
	return (struct lk_limit_spec) { .name = limit.name,
		.per = per_of(limit.per != NULL ? limit.per : ""),
		.requests = limit.requests,
		.period_ms = (lk_time_ms)limit.period_s * 1000,
		.callers = limit.callers };
}

static bool is_named_before(const struct lk_limit_spec *limits, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (limits[i].name != NULL && strcmp(limits[i].name, limits[n].name) == 0)
			return true;
	return false;
}

void lk_config_read_limits(
	struct lk_config_reader *reader, const char *name, yaml_node_t *node, void *into)
{
	struct lk_config_realm *realm = into;
	struct lk_config_list list = { .max = LK_LIMITS_MAX };
	struct lk_limit_spec *limits;

	if (!lk_config_read_list(reader, name, node, &list))
		return;
	limits = lk_arena_calloc(reader->arena, list.n + 1, sizeof *limits);
	for (size_t i = 0; limits != NULL && i < list.n; i++) {
		limits[i] = read_limit(
			reader, name, yaml_document_get_node(&reader->document, list.items[i]));
		if (limits[i].name != NULL && is_named_before(limits, i))
			lk_config_complain_of(
				reader, limits[i].name, "an earlier limit has this name");
	}
	realm->limits = limits;
	realm->n_limits = list.n;
}
