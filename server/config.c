/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <string.h>

#include "client/bridge/config_fields.h"
#include "server/config_priv.h"

static bool is_operator_url(const char *text);
static bool is_url(const char *text);

#define AT(member) offsetof(struct lk_config, member)

static const struct lk_config_field listen_fields[] = {
	{ .name = "operator",
		.kind = LK_CONFIG_TEXT,
		.offset = AT(operator_url),
		.required = true,
		.is_valid = is_operator_url,
		.rule = "must start with ipc://" },
	{ .name = "rpc",
		.kind = LK_CONFIG_TEXTS,
		.offset = AT(listen),
		.max = LK_CONFIG_LISTENERS_MAX,
		.is_valid = is_url,
		.rule = "each entry starts with tcp:// or ipc://" },
	{ .name = "plaintext_ok", .kind = LK_CONFIG_BOOL, .offset = AT(plaintext_ok) },
	{ .name = "connections_max",
		.kind = LK_CONFIG_NUMBER,
		.offset = AT(connections_max),
		.min = 1,
		.max = 100000 },
	{ .name = "connections_per_address_max",
		.kind = LK_CONFIG_NUMBER,
		.offset = AT(connections_per_address_max),
		.min = 1,
		.max = 100000 },
	{ 0 },
};

static const struct lk_config_field log_fields[] = {
	{ .name = "level",
		.kind = LK_CONFIG_CHOICE,
		.offset = AT(log_level),
		.choices = "error|warn|info|debug" },
	{ .name = "format",
		.kind = LK_CONFIG_CHOICE,
		.offset = AT(log_format),
		.choices = "text|json" },
	{ 0 },
};

static const struct lk_config_field store_fields[] = {
	{ .name = "change_log_max",
		.kind = LK_CONFIG_NUMBER,
		.offset = AT(change_log_max),
		.min = 1000,
		.max = 100000000 },
	{ .name = "change_log_age",
		.kind = LK_CONFIG_DURATION_MS,
		.offset = AT(change_log_age_ms),
		.min = 60000,
		.max = INT_MAX },
	{ .name = "reserve_mib",
		.kind = LK_CONFIG_NUMBER,
		.offset = AT(reserve_mib),
		.min = 1,
		.max = 1024 },
	{ .name = "usage_flush",
		.kind = LK_CONFIG_DURATION_MS,
		.offset = AT(usage_flush_ms),
		.min = 100,
		.max = 60000 },
	{ .name = "sweep",
		.kind = LK_CONFIG_DURATION_MS,
		.offset = AT(sweep_ms),
		.min = 1000,
		.max = 86400000 },
	{ 0 },
};

#define LANE_FIELDS(lane_, workers_max_, queue_max_) \
	{ .name = "workers", \
		.kind = LK_CONFIG_NUMBER, \
		.offset = AT(lane_.workers), \
		.min = 1, \
		.max = (workers_max_) }, \
		{ .name = "queue", \
			.kind = LK_CONFIG_NUMBER, \
			.offset = AT(lane_.queue), \
			.min = 1, \
			.max = (queue_max_) }, \
	{ \
		0 \
	}

static const struct lk_config_field read_fields[] = { LANE_FIELDS(read, 32, 64) };
static const struct lk_config_field crypto_fields[] = { LANE_FIELDS(crypto, 32, 64) };
static const struct lk_config_field hash_fields[] = { LANE_FIELDS(hash, 64, 1024) };

static const struct lk_config_field lane_fields[] = {
	{ .name = "read", .kind = LK_CONFIG_SECTION, .section = read_fields },
	{ .name = "crypto", .kind = LK_CONFIG_SECTION, .section = crypto_fields },
	{ .name = "hash", .kind = LK_CONFIG_SECTION, .section = hash_fields },
	{ 0 },
};

static const struct lk_config_field top_fields[] = {
	{ .name = "data_dir", .kind = LK_CONFIG_TEXT, .offset = AT(data_dir), .required = true },
	{ .name = "listen", .kind = LK_CONFIG_SECTION, .section = listen_fields, .required = true },
	{ .name = "log", .kind = LK_CONFIG_SECTION, .section = log_fields },
	{ .name = "store", .kind = LK_CONFIG_SECTION, .section = store_fields },
	{ .name = "lanes", .kind = LK_CONFIG_SECTION, .section = lane_fields },
	{ .name = "http",
		.kind = LK_CONFIG_SECTION,
		.offset = AT(http),
		.section = lk_bridge_http_fields },
	{ .name = "realms", .kind = LK_CONFIG_CUSTOM, .read = lk_config_read_realms },
	{ 0 },
};

static const struct lk_config defaults = {
	.log_level = "info",
	.log_format = "text",
	.connections_max = 4096,
	.connections_per_address_max = 64,
	.usage_flush_ms = 5000,
	.sweep_ms = 60000,
	.change_log_max = 1000000,
	.change_log_age_ms = 86400000,
	.reserve_mib = 64,
	.read = { .workers = 2, .queue = 32 },
	.crypto = { .workers = 1, .queue = 32 },
	.hash = { .workers = 1, .queue = 16 },
};

static bool is_operator_url(const char *text)
{
	return strncmp(text, "ipc://", 6) == 0;
}

static bool is_url(const char *text)
{
	return is_operator_url(text) || strncmp(text, "tcp://", 6) == 0;
}

static void check(struct lk_config_reader *reader, void *into)
{
	const struct lk_config *config = into;

	lk_bridge_config_check(reader, &config->http);
}

struct lk_status lk_config_load(const char *path, struct lk_arena *arena,
	struct lk_config *config_out, struct lk_buf *errors_out)
{
	struct lk_config_reader reader = { .path = path, .arena = arena, .errors = errors_out };
	struct lk_config config = defaults;

	config.http = lk_bridge_config_default;
	LK_TRY(lk_config_read_file(&reader, top_fields, &config, check));
	*config_out = config;
	return LK_SUCCESS;
}
