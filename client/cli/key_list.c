/* SPDX-License-Identifier: MIT */
/* key list and key show. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/key.h"
#include "client/cli/table.h"
#include "proto/wire/json.h"

enum {
	KEY_STATE = LK_KEY_OWN,
	KEY_LIMIT,
};

#define PAGE_MAX 100
#define NAME_COLUMNS 32
#define SCOPES_COLUMNS 40
#define JSON_KEY_MAX ((size_t)1 << 20)

struct listing {
	struct lk_key_fields fields;
	lk_key_state state;
	long limit; /* of keys; 0: none */
};

static const char *take_list(struct lk_cli *cli, void *input, int key, char *value)
{
	struct listing *listing = input;
	int state;
	char *end;

	if (key == KEY_STATE) {
		if (!lk_value_enum(&latchkey__v1__key_state__descriptor, value, &state))
			return "must be active, disabled, expired or revoked";
		listing->state = (lk_key_state)state;
		return NULL;
	}
	if (key == KEY_LIMIT) {
		listing->limit = strtol(value, &end, 10);
		return *end == '\0' && listing->limit > 0 ? NULL : "must be a number above 0";
	}
	return lk_key_take(cli, &listing->fields, (enum lk_key_option)key, value);
}

/* A listing under way. Pages go to the output one by one, so that a realm of any size fits. */
struct pager {
	const struct listing *listing;
	struct lk_arena arena; /* of one page */
	struct lk_table table;
	size_t n_printed;
};

static const char *owner_of(struct lk_arena *arena, const lk_key *key)
{
	char *owner[2];
	size_t n = 0;

	if (key->user_id[0] != '\0')
		owner[n++] = key->user_id;
	if (key->organization_id[0] != '\0')
		owner[n++] = key->organization_id;
	return lk_text_short(arena, lk_key_join(arena, owner, n), NAME_COLUMNS);
}

static const char *relative(struct lk_arena *arena, const Google__Protobuf__Timestamp *at)
{
	char text[LK_VALUE_ROOM];

	lk_value_relative_print((struct lk_time_parts) { at->seconds, 0 }, lk_cli_now(), text);
	return lk_text_safe(arena, text);
}

enum column {
	COLUMN_ID,
	COLUMN_HINT,
	COLUMN_NAME,
	COLUMN_STATE,
	COLUMN_OWNER,
	COLUMN_SCOPES,
	COLUMN_EXPIRES,
	COLUMN_LAST_USED,
	COLUMNS,
};

static void fill_row(struct lk_arena *arena, const lk_key *key, const char *cells[COLUMNS])
{
	char text[LK_VALUE_ROOM];

	cells[COLUMN_ID] = lk_text_safe(arena, key->id);
	cells[COLUMN_HINT] = lk_text_safe(arena, key->hint);
	cells[COLUMN_NAME] = lk_text_short(arena, key->name, NAME_COLUMNS);
	lk_value_enum_print(&latchkey__v1__key_state__descriptor, (int)key->state, text);
	cells[COLUMN_STATE] = lk_text_safe(arena, text);
	cells[COLUMN_OWNER] = owner_of(arena, key);
	cells[COLUMN_SCOPES] = lk_text_short(
		arena, lk_key_join(arena, key->scopes, key->n_scopes), SCOPES_COLUMNS);
	cells[COLUMN_EXPIRES] = "never";
	if (key->expires_at != NULL) {
		struct lk_time_parts at = { key->expires_at->seconds, 0 };

		cells[COLUMN_EXPIRES] =
			lk_timestamp_print(at, text) > 0 ? lk_text_safe(arena, text) : "?";
	}
	cells[COLUMN_LAST_USED] = key->last_use != NULL && key->last_use->at != NULL
					  ? relative(arena, key->last_use->at)
					  : "never";
}

static void print_table(struct pager *pager, const lk_list_keys_response *page)
{
	static const char *const head[COLUMNS] = { "ID", "HINT", "NAME", "STATE", "OWNER", "SCOPES",
		"EXPIRES", "LAST USED" };
	const char *cells[PAGE_MAX][COLUMNS];
	size_t n = page->n_keys < PAGE_MAX ? page->n_keys : PAGE_MAX;

	pager->table.n_columns = COLUMNS;
	lk_table_measure(&pager->table, head);
	for (size_t i = 0; i < n; i++) {
		fill_row(&pager->arena, page->keys[i], cells[i]);
		lk_table_measure(&pager->table, cells[i]);
	}
	if (pager->n_printed == 0 && n > 0)
		lk_table_print(&pager->table, head, stdout);
	for (size_t i = 0; i < n; i++)
		lk_table_print(&pager->table, cells[i], stdout);
	pager->n_printed += n;
}

/* A key a line, inside one array. */
static struct lk_status print_json(struct pager *pager, const lk_list_keys_response *page)
{
	static const struct lk_json_options options = { .with_defaults = true };
	struct lk_status st = LK_SUCCESS;
	struct lk_buf buf;

	lk_buf_init(&buf, JSON_KEY_MAX);
	for (size_t i = 0; i < page->n_keys && st.code == LK_OK; i++) {
		lk_buf_reset(&buf);
		st = lk_json_print(&page->keys[i]->base, &options, &buf);
		if (st.code == LK_OK) {
			fputs(pager->n_printed++ == 0 ? "[\n  " : ",\n  ", stdout);
			fwrite(buf.data, 1, buf.n, stdout);
		}
	}
	lk_buf_fini(&buf);
	return st;
}

/* Asks for one page; `token` holds the place to go on from, and then that of the next page. */
static struct lk_status print_page(struct lk_cli *cli, struct pager *pager,
	lk_list_keys_request *request, struct lk_buf *token)
{
	struct lk_call_options options = lk_cli_call_options(cli);
	const struct listing *listing = pager->listing;
	size_t left = (size_t)listing->limit - pager->n_printed;
	lk_list_keys_response *page;

	request->page_size = listing->limit > 0 && left < PAGE_MAX ? (int32_t)left : PAGE_MAX;
	if (token->n > 0)
		request->page_token = (char *)token->data;
	LK_TRY(lk_key_service_list_keys(cli->channel, &options, request, &pager->arena, &page));
	/* A server that sends more than was asked for is not followed. */
	if (page->n_keys > (size_t)request->page_size)
		return LK_ERR(LK_INTERNAL, "the page is larger than it was asked to be");
	lk_buf_reset(token);
	if (page->next_page_token[0] != '\0')
		lk_buf_add(token, page->next_page_token, strlen(page->next_page_token) + 1);
	if (token->failed)
		return LK_ERR(LK_INTERNAL, "the page's token is too long");
	if (cli->json)
		return print_json(pager, page);
	print_table(pager, page);
	return LK_SUCCESS;
}

static enum lk_exit list(
	struct lk_cli *cli, const struct listing *listing, lk_list_keys_request *request)
{
	struct pager pager = { .listing = listing };
	struct lk_buf token;
	struct lk_status st;

	lk_arena_init(&pager.arena, cli->arena.cap);
	lk_buf_init(&token, LK_REQUEST_FRAME_MAX);
	do {
		lk_arena_reset(&pager.arena);
		st = print_page(cli, &pager, request, &token);
	} while (st.code == LK_OK && token.n > 0 &&
		 (listing->limit == 0 || pager.n_printed < (size_t)listing->limit));
	if (cli->json && st.code == LK_OK)
		puts(pager.n_printed == 0 ? "[]" : "\n]");
	else if (pager.n_printed == 0 && st.code == LK_OK)
		fputs("No keys.\n", stderr);
	lk_buf_fini(&token);
	if (st.code != LK_OK)
		lk_cli_report(cli, st);
	lk_arena_fini(&pager.arena);
	return lk_exit_of(st.code);
}

enum lk_exit lk_run_key_list(struct lk_cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "realm", LK_KEY_REALM, "REALM", 0, "realm of the keys (required)", 1 },
		{ "user", LK_KEY_USER, "ID", 0, "only keys of this user", 2 },
		{ "organization", LK_KEY_ORGANIZATION, "ID", 0, "only keys of this organization",
			2 },
		{ "state", KEY_STATE, "STATE", 0,
			"only keys that are active, disabled, expired or revoked", 2 },
		{ "limit", KEY_LIMIT, "N", 0, "at most so many keys (default: all)", 2 },
		{ 0 },
	};
	static const struct lk_syntax syntax = {
		.options = options,
		.help = "Lists the keys of a realm in the order of their creation, page by page. "
			"With --json it prints an array of keys, one a line.\v"
			"Example:\n"
			"  latchkey key list --realm demo --state active --user u_42\n",
		.take = take_list,
	};
	struct listing listing = { 0 };
	lk_list_keys_request *request =
		lk_cli_message(cli, &latchkey__v1__list_keys_request__descriptor);
	enum lk_exit code;

	lk_cli_parse(cli, &syntax, &listing, argc, argv);
	lk_cli_require(cli, "--realm", listing.fields.realm);
	request->realm = listing.fields.realm;
	if (listing.fields.user != NULL)
		request->user_id = listing.fields.user;
	if (listing.fields.organization != NULL)
		request->organization_id = listing.fields.organization;
	request->state = listing.state;
	code = lk_cli_connect(cli);
	return code == LK_EXIT_OK ? list(cli, &listing, request) : code;
}

static const char *take_show(struct lk_cli *cli, void *input, int key, char *value)
{
	return lk_key_take(cli, input, (enum lk_key_option)key, value);
}

enum lk_exit lk_run_key_show(struct lk_cli *cli, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "realm", LK_KEY_REALM, "REALM", 0, "realm of the key (required)", 1 },
		{ 0 },
	};
	static const struct lk_syntax syntax = {
		.options = options,
		.arguments = "KEY-ID",
		.n_arguments_min = 1,
		.n_arguments_max = 1,
		.help = "Shows all that is known of one key: rights, owner, state, last use.\v"
			"Example:\n"
			"  latchkey key show --realm demo key_8fK2\n",
		.take = take_show,
	};
	lk_get_key_request *request =
		lk_cli_message(cli, &latchkey__v1__get_key_request__descriptor);
	struct lk_call_options call_options;
	struct lk_key_fields fields = { 0 };
	lk_get_key_response *response;
	struct lk_status st;
	enum lk_exit code;

	lk_cli_parse(cli, &syntax, &fields, argc, argv);
	lk_cli_require(cli, "--realm", fields.realm);
	request->realm = fields.realm;
	request->id = cli->arguments[0];
	code = lk_cli_connect(cli);
	if (code != LK_EXIT_OK)
		return code;
	call_options = lk_cli_call_options(cli);
	st = lk_key_service_get_key(cli->channel, &call_options, request, &cli->arena, &response);
	if (st.code == LK_OK && response->key == NULL)
		st = LK_ERR(LK_INTERNAL, "the answer has no key");
	if (st.code != LK_OK)
		return lk_cli_report(cli, st);
	if (cli->json)
		return lk_cli_print_json(cli, &response->base);
	lk_key_print(cli, response->key);
	return LK_EXIT_OK;
}
