/* SPDX-License-Identifier: MIT */
#include "tests/support/config_file.h"

/* The file is refused, and the report names this line and says this. */
static void check_told(const char *yaml, int line, const char *what)
{
	struct fixture f;
	char place[96];

	load(&f, yaml);
	CHECK_CODE(f.st, LK_INVALID_ARGUMENT);
	snprintf(place, sizeof place, "%s:%d: ", f.path, line);
	if (strstr((const char *)f.errors.data, place) == NULL ||
		strstr((const char *)f.errors.data, what) == NULL)
		fail_msg("expected line %d, '%s' in:\n%s", line, what, (const char *)f.errors.data);
	unload(&f);
}

TEST(a_small_file_gets_defaults_for_everything_else)
{
	struct fixture f;

	load(&f, HEAD
		"realms:\n  incrm:\n  my-shop: { permissions: [orders.read, orders.write] }\n");
	CHECK_OK(f.st);
	CHECK_STR(f.config.data_dir, "d");
	CHECK_STR(f.config.operator_url, "ipc://run/rpc.sock");
	CHECK_EQ(f.config.n_listen, 0);
	CHECK_EQ(f.config.connections_max, 4096);
	CHECK_EQ(f.config.n_realms, 2);
	CHECK_STR(f.config.realms[0].name, "incrm");
	CHECK_STR(f.config.realms[0].key_prefix, "incrm_");
	CHECK_STR(f.config.realms[1].key_prefix, "my_shop_");
	CHECK_EQ(f.config.realms[1].n_permissions, 2);
	CHECK_STR(f.config.realms[1].permissions[1], "orders.write");
	CHECK_EQ(f.config.realms[1].keys_per_owner_max, 1000);
	unload(&f);
}

TEST(every_field_is_read)
{
	struct fixture f;

	load(&f, "data_dir: d\n"
		 "listen:\n"
		 "  operator: ipc://run/rpc.sock\n"
		 "  rpc: [tcp://127.0.0.1:8070, ipc://run/services.sock]\n"
		 "  plaintext_ok: true\n"
		 "  connections_max: 10\n"
		 "  connections_per_address_max: 5\n"
		 "log: { level: debug, format: json }\n"
		 "store: { change_log_max: 5000, change_log_age: 2h, reserve_mib: 1,\n"
		 "         usage_flush: 250ms, sweep: 10m }\n"
		 "lanes: { read: { workers: 3, queue: 7 } }\n");
	CHECK_OK(f.st);
	CHECK_EQ(f.config.n_listen, 2);
	CHECK_STR(f.config.listen[1], "ipc://run/services.sock");
	CHECK(f.config.plaintext_ok);
	CHECK_EQ(f.config.connections_max, 10);
	CHECK_EQ(f.config.connections_per_address_max, 5);
	CHECK_STR(f.config.log_level, "debug");
	CHECK_STR(f.config.log_format, "json");
	CHECK_EQ(f.config.change_log_max, 5000);
	CHECK_EQ(f.config.change_log_age_ms, 7200000);
	CHECK_EQ(f.config.reserve_mib, 1);
	CHECK_EQ(f.config.usage_flush_ms, 250);
	CHECK_EQ(f.config.sweep_ms, 600000);
	CHECK_EQ(f.config.read.workers, 3);
	CHECK_EQ(f.config.read.queue, 7);
	unload(&f);
}

TEST(each_mistake_is_told_with_its_line)
{
	check_told("# nothing\n", 1, "is empty");
	check_told("listen: { operator: 'ipc://x' }\n", 1, "data_dir: is missing");
	check_told("data_dir: d\nlisten: {}\n", 2, "listen.operator: is missing");
	check_told(HEAD "colour: blue\n", 3, "a field that does not exist");
	check_told(HEAD "data_dir: e\n", 3, "data_dir: is given twice");
	check_told(HEAD "log: { level: loud }\n", 3, "must be one of error|warn|info|debug");
	check_told(HEAD "store: { sweep: 5 }\n", 3, "store.sweep: must be a duration");
	check_told(HEAD "store: { sweep: 1ms }\n", 3, "must be between 1000 and 86400000 ms");
	check_told(HEAD "store: { reserve_mib: -1 }\n", 3, "must be a whole number");
	check_told(HEAD "store: { reserve_mib: 99999999999999999999 }\n", 3, "a whole number");
	check_told(HEAD "store: nothing\n", 3, "store: must be a section of fields");
	check_told(HEAD "realms: [a]\n", 3, "must be a section with one entry per realm");
	check_told(HEAD "realms:\n  Shop:\n", 4, "a realm's name is");
	check_told(HEAD "realms:\n  latchkey:\n", 4, "is built in");
	check_told(HEAD "realms:\n  a:\n  a:\n", 5, "given twice");
	check_told(HEAD "realms:\n  a: { key_prefix: Ab }\n", 4, "realms.a.key_prefix: must be");
	check_told(HEAD "realms:\n  a: { permissions: x.y }\n", 4, "must be a list");
	check_told(HEAD "realms:\n  a: { permissions: [ok.one, 'not ok'] }\n", 4,
		"realms.a.permissions");
	check_told(HEAD "realms:\n  a: { permissions: [x.y, b, x.y] }\n", 4,
		"realms.a.permissions: the same entry is given twice");
	check_told(HEAD "realms:\n  a23456789012345678901234567890ab:\n", 4,
		"a realm's name is 1 to 31");
	check_told(HEAD "realms: { a: [\n", 4, "");
	check_told("data_dir: \"a\\0b\"\n", 1, "data_dir: must be a text");
}

/* The second list would have been written behind the first one's end: wherever that lies in the
 * arena, the sanitizer sees it in one of the rounds. */
TEST(roles_that_are_given_twice_are_read_once)
{
	char yaml[32768];

	for (int n_padding = 0; n_padding < 200; n_padding += 10) {
		int n = snprintf(yaml, sizeof yaml, HEAD "realms:\n a:\n  permissions: [x");

		for (int i = 0; i < n_padding; i++)
			n += snprintf(yaml + n, sizeof yaml - (size_t)n, ", p%d", i);
		n += snprintf(yaml + n, sizeof yaml - (size_t)n, "]\n  roles: { r: []");
		for (int i = 0; i < 63; i++)
			n += snprintf(yaml + n, sizeof yaml - (size_t)n, ", r%d: []", i);
		snprintf(yaml + n, sizeof yaml - (size_t)n, " }\n  roles: { s: [] }\n");
		check_told(yaml, 7, "realms.a.roles: is given twice");
	}
}

TEST(listener_addresses_of_other_kinds_are_refused)
{
	check_told("data_dir: d\nlisten: { operator: 'tcp://127.0.0.1:1' }\n", 2,
		"listen.operator: must start with ipc://");
	check_told("data_dir: d\nlisten: { operator: 'ipc://x', rpc: ['http://x'] }\n", 2,
		"listen.rpc: each entry starts with tcp:// or ipc://");
}

TEST(a_report_never_quotes_what_stands_in_the_file)
{
	struct fixture f;

	load(&f, HEAD "s3cret_in_the_wrong_place: s3cret\nlog: { level: s3cret, s3cret: 1 }\n");
	CHECK_CODE(f.st, LK_INVALID_ARGUMENT);
	CHECK(strstr((const char *)f.errors.data, "s3cret") == NULL);
	unload(&f);
}

TEST(a_file_that_is_not_there_is_told_apart)
{
	struct lk_config config;
	struct lk_arena arena;
	struct lk_buf errors;

	lk_arena_init(&arena, 4096);
	lk_buf_init(&errors, 4096);
	CHECK_CODE(lk_config_load("/nonexistent.yaml", &arena, &config, &errors), LK_NOT_FOUND);
	CHECK(strstr((const char *)errors.data, "No such file") != NULL);
	lk_buf_fini(&errors);
	lk_arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_small_file_gets_defaults_for_everything_else),
		RUN(every_field_is_read),
		RUN(each_mistake_is_told_with_its_line),
		RUN(roles_that_are_given_twice_are_read_once),
		RUN(listener_addresses_of_other_kinds_are_refused),
		RUN(a_report_never_quotes_what_stands_in_the_file),
		RUN(a_file_that_is_not_there_is_told_apart),
	};

	return RUN_ALL(tests);
}
