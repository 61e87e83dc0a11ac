/* SPDX-License-Identifier: MIT */
/* The bridge's part of the configuration, as latchkeyd reads it and as latchkey-bridge does. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/bridge/config_texts.h"
#include "server/config.h"
#include "tests/support/check.h"

#define HEAD "data_dir: d\nlisten: { operator: 'ipc://run/rpc.sock' }\n"

/* The same file, read by both. */
struct fixture {
	struct lk_arena whole_arena, arena;
	struct lk_config whole;
	struct lk_bridge_config config;
	struct lk_buf whole_errors, errors;
	struct lk_status whole_st, st;
	char path[64];
};

static void load_within(struct fixture *f, const char *yaml, size_t memory)
{
	FILE *file;
	int fd;

	snprintf(f->path, sizeof f->path, "/tmp/latchkey-config-XXXXXX");
	fd = mkstemp(f->path);
	file = fdopen(fd, "w");
	fputs(yaml, file);
	fclose(file);
	lk_arena_init(&f->whole_arena, memory);
	lk_arena_init(&f->arena, memory);
	lk_buf_init(&f->whole_errors, 1 << 16);
	lk_buf_init(&f->errors, 1 << 16);
	f->whole_st = lk_config_load(f->path, &f->whole_arena, &f->whole, &f->whole_errors);
	f->st = lk_bridge_config_load(f->path, &f->arena, &f->config, &f->errors);
	unlink(f->path);
}

static void load(struct fixture *f, const char *yaml)
{
	load_within(f, yaml, 1 << 22);
}

static void unload(struct fixture *f)
{
	lk_arena_fini(&f->whole_arena);
	lk_arena_fini(&f->arena);
	lk_buf_fini(&f->whole_errors);
	lk_buf_fini(&f->errors);
}

static void check_report(
	const struct fixture *f, const struct lk_buf *errors, int line, const char *what)
{
	const char *report = (const char *)errors->data;
	char expected[256];

	snprintf(expected, sizeof expected, "%s:%d: %s", f->path, line, what);
	if (strstr(report, expected) != report || strchr(report, '\n') != strrchr(report, '\n'))
		fail_msg("expected one mistake, line %d, '%s' in:\n%s", line, what, report);
}

/* Both refuse the file for this one mistake, in this line. */
static void check_mistake(const char *yaml, int line, const char *what)
{
	struct fixture f;

	load(&f, yaml);
	CHECK_CODE(f.whole_st, LK_INVALID_ARGUMENT);
	CHECK_CODE(f.st, LK_INVALID_ARGUMENT);
	check_report(&f, &f.whole_errors, line, what);
	check_report(&f, &f.errors, line, what);
	unload(&f);
}

static const char full[] =
	HEAD "http:\n"
	     "  listen: ['*:8080', '127.0.0.1:8079', '[::1]:8080']\n"
	     "  operations: 127.0.0.1:8071\n"
	     "  plaintext_ok: true\n"
	     "  trusted_proxies: [127.0.0.1, 10.1.0.0/16, 'fd00::/8']\n"
	     "  loops: 3\n"
	     "  connections_max: 1000\n"
	     "  connections_per_address_max: 10\n"
	     "realms:\n"
	     "  crm:\n"
	     "    http:\n"
	     "      surface: incrm\n"
	     "      listen: ['127.0.0.1:8082']\n"
	     "      hosts: [crm.localhost, crm.example.org]\n"
	     "      origins: ['https://app.example.org', 'http://localhost:3000']\n"
	     "    permissions: [a.read, b]\n"
	     "    key_prefix: c_live_\n"
	     "  my-shop:\n";

static void check_full(const struct lk_bridge_config *config)
{
	const struct lk_bridge_realm *realm = &config->realms[0];

	CHECK_EQ(config->n_listen, 3);
	CHECK_STR(config->listen[2], "[::1]:8080");
	CHECK_STR(config->operations, "127.0.0.1:8071");
	CHECK(config->plaintext_ok);
	CHECK_EQ(config->n_trusted_proxies, 3);
	CHECK_EQ(config->trusted_proxies[0].bits, 128);
	CHECK_EQ(config->trusted_proxies[1].bits, 96 + 16);
	CHECK_EQ(config->trusted_proxies[2].bits, 8);
	CHECK_EQ(config->trusted_proxies[2].addr[0], 0xfd);
	CHECK_EQ(config->loops, 3);
	CHECK_EQ(config->connections_max, 1000);
	CHECK_EQ(config->connections_per_address_max, 10);

	CHECK_EQ(config->n_realms, 2);
	CHECK_STR(realm->name, "crm");
	CHECK_STR(realm->key_prefix, "c_live_");
	CHECK_STR(realm->surface, "incrm");
	CHECK_EQ(realm->n_listen, 1);
	CHECK_STR(realm->listen[0], "127.0.0.1:8082");
	CHECK_EQ(realm->n_hosts, 2);
	CHECK_STR(realm->hosts[1], "crm.example.org");
	CHECK_EQ(realm->n_origins, 2);
	CHECK_STR(realm->origins[1], "http://localhost:3000");
}

TEST(both_programs_read_every_field)
{
	struct fixture f;

	load(&f, full);
	CHECK_OK(f.whole_st);
	CHECK_OK(f.st);
	check_full(&f.config);
	check_full(&f.whole.http);
	CHECK(f.whole.realms[0].http == &f.whole.http.realms[0]);
	unload(&f);
}

TEST(a_file_without_http_has_realms_that_nothing_leads_to)
{
	const struct lk_bridge_config *configs[2];
	struct fixture f;

	load(&f, HEAD "realms:\n  my-shop: { keys_per_owner_max: 5 }\n  crm:\n");
	CHECK_OK(f.whole_st);
	CHECK_OK(f.st);
	configs[0] = &f.whole.http;
	configs[1] = &f.config;
	for (size_t i = 0; i < LK_COUNT(configs); i++) {
		CHECK_EQ(configs[i]->n_listen, 0);
		CHECK(configs[i]->operations == NULL && !configs[i]->plaintext_ok);
		CHECK_EQ(configs[i]->n_trusted_proxies, 0);
		CHECK_EQ(configs[i]->loops, 0);
		CHECK_EQ(configs[i]->connections_max, 16384);
		CHECK_EQ(configs[i]->connections_per_address_max, 256);
		CHECK_EQ(configs[i]->n_realms, 2);
		CHECK_STR(configs[i]->realms[0].name, "my-shop");
		CHECK_STR(configs[i]->realms[0].key_prefix, "my_shop_");
		CHECK(configs[i]->realms[0].surface == NULL);
		CHECK_EQ(configs[i]->realms[0].n_listen + configs[i]->realms[0].n_hosts, 0);
		CHECK_STR(configs[i]->realms[1].key_prefix, "crm_");
	}
	unload(&f);
}

/* With so much, each reads the whole file or says that it could not. */
static void check_memory(struct lk_status st, const struct lk_buf *errors)
{
	if (st.code == LK_OK)
		return;
	CHECK_CODE(st, LK_INVALID_ARGUMENT);
	CHECK(strstr((const char *)errors->data, "needs too much memory") != NULL);
}

TEST(memory_that_runs_out_anywhere_is_a_mistake)
{
	bool is_enough = false;
	struct fixture f;

	for (size_t memory = 0; !is_enough; memory += 48) {
		load_within(&f, full, memory);
		check_memory(f.whole_st, &f.whole_errors);
		check_memory(f.st, &f.errors);
		is_enough = f.whole_st.code == LK_OK && f.st.code == LK_OK;
		unload(&f);
	}
}

TEST(the_bridge_leaves_the_rest_of_the_file_to_the_daemon)
{
	struct fixture f;

	load(&f, "listen: nothing\ncolour: blue\nhttp: { loops: 2 }\n"
		 "realms: { a: { sessions: [], colour: red, key_prefix: a_ } }\n");
	CHECK_CODE(f.whole_st, LK_INVALID_ARGUMENT);
	CHECK_OK(f.st);
	CHECK_EQ(f.config.loops, 2);
	unload(&f);
}

#define HTTP HEAD "http:\n  "
#define REALM HEAD "realms:\n  a:\n    permissions: [x]\n    http:\n      "

TEST(each_mistake_in_http_is_told_with_its_line)
{
	check_mistake(HTTP "colour: blue\n", 4, "http: has a field that does not exist");
	check_mistake(HTTP "loops: 65\n", 4, "http.loops: must be between 0 and 64");
	check_mistake(HTTP "connections_max: 0\n", 4, "http.connections_max: must be between");
	check_mistake(HTTP "connections_per_address_max: x\n", 4,
		"http.connections_per_address_max: must be a whole number");
	check_mistake(HTTP "operations: 8071\n", 4, "http.operations: an address is written as");
	check_mistake(HTTP "listen: 127.0.0.1:8080\n", 4, "http.listen: must be a list");
	check_mistake(HTTP "listen:\n  - 127.0.0.1:1\n  - localhost:80\n", 6,
		"http.listen: an address is written as");
	check_mistake(HTTP "listen: ['127.0.0.1:1', '127.0.0.1:1']\n", 4,
		"http.listen: the same entry is given twice");
	check_mistake(HTTP "trusted_proxies:\n  - 127.0.0.1\n  - 10.0.0.1/8\n", 6,
		"http.trusted_proxies: each entry is an IP address, or a CIDR block");
	check_mistake(HTTP "trusted_proxies: [localhost]\n", 4, "http.trusted_proxies: each entry");
}

TEST(each_mistake_in_a_realms_http_is_told_with_its_line)
{
	check_mistake(REALM "colour: blue\n", 7, "realms.a.http: has a field that does not exist");
	check_mistake(REALM "surface: other\n", 7,
		"realms.a.http.surface: must be one of basicsos|briksync|gateway|incrm|omnicrm");
	check_mistake(REALM "listen: ['127.0.0.1:0']\n", 7, "realms.a.http.listen: an address is");
	check_mistake(REALM "hosts: [a.example, B.example]\n", 7,
		"realms.a.http.hosts: each entry is a host's name");
	check_mistake(REALM "origins:\n      - https://a.example\n      - '*'\n", 9,
		"realms.a.http.origins: each entry is scheme://host");
}

TEST(plaintext_beyond_the_loopback_has_to_be_allowed)
{
	const char *what = "an address beyond the loopback is plaintext and has to be allowed";
	char field[128];

	snprintf(field, sizeof field, "http.listen: %s", what);
	check_mistake(HTTP "listen: ['127.1.2.3:8080', '*:8080']\n", 4, field);
	check_mistake(HTTP "listen: ['[::]:8080']\n", 4, field);
	snprintf(field, sizeof field, "http.operations: %s", what);
	check_mistake(HTTP "plaintext_ok: false\n  operations: 192.0.2.1:8071\n", 5, field);
	snprintf(field, sizeof field, "realms.a.http.listen: %s", what);
	check_mistake(REALM "listen: ['0.0.0.0:8080']\n", 7, field);
}

TEST(an_address_has_one_use_and_a_host_one_realm)
{
	check_mistake(HTTP "operations: 127.0.0.1:1\n  listen: [127.0.0.1:1]\n", 4,
		"http.operations: an entry is in http.listen, too");
	check_mistake(HEAD "realms:\n  a: { http: { listen: ['[::1]:1'] } }\n"
			   "  b: { http: { listen: ['[::1]:2', '[::1]:1'] } }\n",
		5, "realms.b.http.listen: an entry is in realms.a.http.listen, too");
	check_mistake(HEAD "realms:\n  a: { http: { hosts: [x, y] } }\n  b:\n"
			   "  c: { http: { hosts: [z, y] } }\n",
		6, "realms.c.http.hosts: an entry is in realms.a.http.hosts, too");
}

TEST(there_are_at_most_64_addresses_in_all)
{
	char list[2048] = "127.0.0.1:1", yaml[4096];
	int n = (int)strlen(list);

	for (int port = 2; port <= 62; port++)
		n += snprintf(list + n, sizeof list - (size_t)n, ", 127.0.0.1:%d", port);
	snprintf(yaml, sizeof yaml,
		HTTP "listen: [%s]\n  operations: 127.0.0.1:63\n"
		     "realms: { a: { http: { listen: [127.0.0.1:64,\n  127.0.0.1:65] } } }\n",
		list);
	check_mistake(yaml, 7, "realms.a.http.listen: there are more than 64 addresses in all");
}

static void check_texts(bool (*is_valid)(const char *text), const char *const *texts, bool expected)
{
	for (; *texts != NULL; texts++)
		if (is_valid(*texts) != expected)
			fail_msg("'%s' is %s", *texts, expected ? "refused" : "accepted");
}

TEST(an_address_is_digits_in_their_shortest_form)
{
	static const char *const good[] = { "127.0.0.1:1", "0.0.0.0:65535", "[::]:80",
		"[2001:db8::1]:8080", "*:8080", NULL };
	static const char *const bad[] = { "", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0",
		"127.0.0.1:080", "127.0.0.1:65536", "127.0.0.1:99999999999", "127.0.0.1:+1",
		"127.0.0.1:1 ", " 127.0.0.1:1", "127.0.0.01:1", "127.1:1", "localhost:80", "::1:80",
		"[::1]", "[::1:80", "::1]:80", "[0::1]:80", "[2001:DB8::1]:80",
		"[::ffff:127.0.0.1]:80", "[127.0.0.1]:80", "[fe80::1%lo]:80", "**:80", "[]:80",
		NULL };

	check_texts(lk_bridge_is_address, good, true);
	check_texts(lk_bridge_is_address, bad, false);
}

TEST(a_host_is_a_name_in_lower_case)
{
	static const char *const good[] = { "localhost", "a", "incrm.localhost", "a-b.c--d.e1",
		"xn--bcher-kva.example", "192.0.2.1",
		"a23456789a23456789a23456789a23456789a23456789a23456789a23456789.b", NULL };
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "A", "a.B", "-a", "a-",
		"a.-b", "a-.b", "a_b", "a:80", "[::1]", "a b",
		"b\xc3\xbc"
		"cher",
		"*", "*.a", "a/",
		"a23456789a23456789a23456789a23456789a23456789a23456789a23456789a.b", NULL };

	check_texts(lk_bridge_is_host, good, true);
	check_texts(lk_bridge_is_host, bad, false);
}

TEST(an_origin_is_what_a_browser_sends)
{
	static const char *const good[] = { "https://a.example", "http://a.example",
		"http://localhost:3000", "https://a.example:80", "http://a.example:443",
		"https://192.0.2.1:8443", "http://[::1]:3000", "http://[::1]",
		"capacitor://localhost", "chrome-extension://abcdefghijklmnop", NULL };
	static const char *const bad[] = { "", "*", "null", "a.example", "//a.example", "https://",
		"https:a.example", "https:/a.example", "https://a.example/", "https://a.example/x",
		"https://a.example?", "https://a.example#", "https://A.example",
		"HTTPS://a.example", "https://a.example.", "https://u@a.example",
		"https://a.example:", "https://a.example:0", "https://a.example:443",
		"http://a.example:80", "https://a.example:08443", "https://a.example:65536",
		"https://*.example", "https://::1", "http://[::1", "http://[0::1]", "1://a", "://a",
		"https://a.example https://b.example", NULL };

	check_texts(lk_bridge_is_origin, good, true);
	check_texts(lk_bridge_is_origin, bad, false);
}

TEST(a_report_never_quotes_what_stands_in_the_file)
{
	struct fixture f;

	load(&f, HEAD "http: { s3cret: 1, listen: [s3cret], trusted_proxies: [s3cret] }\n"
		      "realms: { a: { http: { hosts: [S3cret s3cret], origins: [s3cret] } } }\n");
	CHECK_CODE(f.whole_st, LK_INVALID_ARGUMENT);
	CHECK_CODE(f.st, LK_INVALID_ARGUMENT);
	CHECK(strstr((const char *)f.whole_errors.data, "3cret") == NULL);
	CHECK(strstr((const char *)f.errors.data, "3cret") == NULL);
	unload(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(both_programs_read_every_field),
		RUN(a_file_without_http_has_realms_that_nothing_leads_to),
		RUN(memory_that_runs_out_anywhere_is_a_mistake),
		RUN(the_bridge_leaves_the_rest_of_the_file_to_the_daemon),
		RUN(each_mistake_in_http_is_told_with_its_line),
		RUN(each_mistake_in_a_realms_http_is_told_with_its_line),
		RUN(plaintext_beyond_the_loopback_has_to_be_allowed),
		RUN(an_address_has_one_use_and_a_host_one_realm),
		RUN(there_are_at_most_64_addresses_in_all),
		RUN(an_address_is_digits_in_their_shortest_form),
		RUN(a_host_is_a_name_in_lower_case),
		RUN(an_origin_is_what_a_browser_sends),
		RUN(a_report_never_quotes_what_stands_in_the_file),
	};

	return RUN_ALL(tests);
}
