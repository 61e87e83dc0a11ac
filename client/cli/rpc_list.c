/* SPDX-License-Identifier: MIT */
/* Lists go to the output page by page, so that one of any length fits. */
#include <string.h>

#include "client/cli/rpc_priv.h"
#include "proto/wire/json.h"

#define PAGE_MAX 100
#define JSON_ITEM_MAX ((size_t)1 << 20)

struct pager {
	const struct lk_rpc_command *command;
	size_t limit;          /* of items; 0: none */
	struct lk_arena arena; /* of one page */
	struct lk_buf token;   /* of the page to ask for; empty before the first, after the last */
	struct lk_table table;
	size_t n_printed;
};

static void print_table(struct pager *pager, const ProtobufCMessage *const *items, size_t n)
{
	const char *const *columns = pager->command->columns;
	const char *rows[PAGE_MAX][LK_TABLE_COLUMNS_MAX];
	const char *head[LK_TABLE_COLUMNS_MAX];

	lk_rpc_fill_head(&pager->arena, columns, head);
	while (columns[pager->table.n_columns] != NULL)
		pager->table.n_columns++;
	lk_table_measure(&pager->table, head);
	for (size_t i = 0; i < n; i++) {
		lk_rpc_fill_row(&pager->arena, items[i], columns, rows[i]);
		lk_table_measure(&pager->table, rows[i]);
	}
	if (pager->n_printed == 0 && n > 0)
		lk_table_print(&pager->table, head, stdout);
	for (size_t i = 0; i < n; i++)
		lk_table_print(&pager->table, rows[i], stdout);
	pager->n_printed += n;
}

/* An item a line, inside one array. */
static struct lk_status print_json(
	struct pager *pager, const ProtobufCMessage *const *items, size_t n)
{
	static const struct lk_json_options options = { .with_defaults = true };
	struct lk_status st = LK_SUCCESS;
	struct lk_buf buf;

	lk_buf_init(&buf, JSON_ITEM_MAX);
	for (size_t i = 0; i < n && st.code == LK_OK; i++) {
		lk_buf_reset(&buf);
		st = lk_json_print(items[i], &options, &buf);
		if (st.code == LK_OK) {
			fputs(pager->n_printed++ == 0 ? "[\n  " : ",\n  ", stdout);
			fwrite(buf.data, 1, buf.n, stdout);
		}
	}
	lk_buf_fini(&buf);
	return st;
}

/* Lists that are always whole have no pages to name. */
static void name_page(const struct pager *pager, ProtobufCMessage *request)
{
	const ProtobufCFieldDescriptor *size = lk_rpc_field(request, "page_size");
	const ProtobufCFieldDescriptor *token = lk_rpc_field(request, "page_token");
	size_t left = pager->limit - pager->n_printed;

	if (size == NULL || token == NULL)
		return;
	*(int32_t *)lk_rpc_place(request, size) =
		pager->limit > 0 && left < PAGE_MAX ? (int32_t)left : PAGE_MAX;
	if (pager->token.n > 0)
		*(char **)lk_rpc_place(request, token) = (char *)pager->token.data;
}

static struct lk_status keep_token(struct pager *pager, const ProtobufCMessage *page)
{
	const ProtobufCFieldDescriptor *field = lk_rpc_field(page, "next_page_token");
	const char *token = field != NULL ? *(char *const *)lk_rpc_place(page, field) : "";

	lk_buf_reset(&pager->token);
	if (token[0] != '\0')
		lk_buf_add(&pager->token, token, strlen(token) + 1);
	if (pager->token.failed)
		return LK_ERR(LK_INTERNAL, "the page's token is too long");
	return LK_SUCCESS;
}

static struct lk_status print_page(
	struct lk_cli *cli, struct pager *pager, ProtobufCMessage *request)
{
	struct lk_call_options options = lk_cli_call_options(cli);
	const ProtobufCFieldDescriptor *field;
	const ProtobufCMessage *const *items;
	ProtobufCMessage *page;
	size_t n;

	name_page(pager, request);
	LK_TRY(lk_rpc_call(
		cli->channel, pager->command->method, &options, request, &pager->arena, &page));
	field = lk_rpc_field(page, pager->command->list);
	items = *(const ProtobufCMessage *const *const *)lk_rpc_place(page, field);
	n = lk_rpc_count(page, field);
	/* A server that sends more than was asked for is not followed. */
	if (n > PAGE_MAX)
		return LK_ERR(LK_INTERNAL, "the page is larger than it was asked to be");
	LK_TRY(keep_token(pager, page));
	if (cli->json)
		return print_json(pager, items, n);
	print_table(pager, items, n);
	return LK_SUCCESS;
}

enum lk_exit lk_rpc_list(struct lk_cli *cli, const struct lk_rpc_command *command,
	ProtobufCMessage *request, size_t limit)
{
	struct pager pager = { .command = command, .limit = limit };
	struct lk_status st;

	lk_arena_init(&pager.arena, cli->arena.cap);
	lk_buf_init(&pager.token, LK_REQUEST_FRAME_MAX);
	do {
		lk_arena_reset(&pager.arena);
		st = print_page(cli, &pager, request);
	} while (st.code == LK_OK && pager.token.n > 0 && (limit == 0 || pager.n_printed < limit));
	if (cli->json && st.code == LK_OK)
		puts(pager.n_printed == 0 ? "[]" : "\n]");
	else if (pager.n_printed == 0 && st.code == LK_OK)
		fprintf(stderr, "No %s.\n", command->list);
	if (st.code != LK_OK)
		lk_rpc_report(cli, command, st);
	lk_buf_fini(&pager.token);
	lk_arena_fini(&pager.arena);
	return lk_exit_of(st.code);
}
