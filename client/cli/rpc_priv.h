/* SPDX-License-Identifier: MIT */
/* What the files of rpc.h share; for client/cli/rpc*.c, and export.c, which
 * knows the lists by the same means. */
#pragma once

#include "client/cli/rpc.h"
#include "client/cli/table.h"

/* The field of this name; NULL when the message has none. */
const ProtobufCFieldDescriptor *lk_rpc_field(const ProtobufCMessage *message, const char *name);

/* Where a field of a message is, and how many a repeated one has. */
void *lk_rpc_place(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
size_t lk_rpc_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* lk_cli_report, with fields named as the command's flags and arguments. */
enum lk_exit lk_rpc_report(
	struct lk_cli *cli, const struct lk_rpc_command *command, struct lk_status status);

/* Prints the message's fields, a line each; those of messages in it, too. */
void lk_rpc_print(struct lk_cli *cli, const ProtobufCMessage *message);

/* The cells of a table's row, and of its head. */
void lk_rpc_fill_row(struct lk_arena *arena, const ProtobufCMessage *message,
	const char *const *columns, const char *cells[LK_TABLE_COLUMNS_MAX]);
void lk_rpc_fill_head(struct lk_arena *arena, const char *const *columns,
	const char *cells[LK_TABLE_COLUMNS_MAX]);

/* Asks for the items of a list, page by page, and prints them: a table, or with --json one array.
 * At most `limit` of them; 0: all. */
enum lk_exit lk_rpc_list(struct lk_cli *cli, const struct lk_rpc_command *command,
	ProtobufCMessage *request, size_t limit);
