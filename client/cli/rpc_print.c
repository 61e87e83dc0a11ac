/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "client/cli/key.h"
#include "client/cli/rpc.h"
#include "client/cli/rpc_priv.h"
#include "client/cli/table.h"
#include "google/protobuf/timestamp.pb-c.h"

const void *lk_rpc_member(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return (const char *)message + field->offset;
}

size_t lk_rpc_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	size_t n;

	memcpy(&n, (const char *)message + field->quantifier_offset, sizeof n);
	return n;
}

static const char *text_of_message(struct lk_cli *cli, const ProtobufCMessage *message)
{
	if (message == NULL)
		return "";
	if (message->descriptor != &google__protobuf__timestamp__descriptor)
		return NULL;
	return lk_key_time(&cli->arena, (const Google__Protobuf__Timestamp *)message);
}

static const char *text_of_number(struct lk_cli *cli, int32_t number)
{
	char *text = lk_cli_alloc(cli, 16);

	snprintf(text, 16, "%d", number);
	return text;
}

/* "" for what has nothing to tell; NULL for a message with fields of its own. */
static const char *text_of(
	struct lk_cli *cli, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const void *member = lk_rpc_member(message, field);

	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		if (field->type != PROTOBUF_C_TYPE_STRING)
			return "";
		return lk_key_join(
			&cli->arena, *(char *const *const *)member, lk_rpc_count(message, field));
	}
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return lk_text_safe(&cli->arena, *(const char *const *)member);
	if (field->type == PROTOBUF_C_TYPE_BOOL)
		return *(const protobuf_c_boolean *)member ? "yes" : "no";
	if (field->type == PROTOBUF_C_TYPE_INT32)
		return text_of_number(cli, *(const int32_t *)member);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return text_of_message(cli, *(const ProtobufCMessage *const *)member);
	return "";
}

static const char *label_of(struct lk_cli *cli, const char *name)
{
	size_t n = strlen(name);
	char *label = lk_cli_alloc(cli, n + 1);

	for (size_t i = 0; i < n; i++)
		label[i] = name[i] == '_' ? ' ' : name[i];
	label[0] = (char)toupper((unsigned char)label[0]);
	return label;
}

void lk_rpc_print(struct lk_cli *cli, const ProtobufCMessage *message)
{
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		const char *text = text_of(cli, message, field);

		if (text == NULL)
			lk_rpc_print(cli,
				*(const ProtobufCMessage *const *)lk_rpc_member(message, field));
		else if (text[0] != '\0')
			printf("%-20s %s\n", label_of(cli, field->name), text);
	}
}

static const char *const *cells_of(
	struct lk_cli *cli, const ProtobufCMessage *message, const char *const *columns)
{
	const char **cells = lk_cli_alloc(cli, LK_TABLE_COLUMNS_MAX * sizeof *cells);

	for (size_t i = 0; columns[i] != NULL; i++) {
		cells[i] = text_of(cli, message,
			protobuf_c_message_descriptor_get_field_by_name(
				message->descriptor, columns[i]));
		if (cells[i][0] == '\0')
			cells[i] = "-";
	}
	return cells;
}

void lk_rpc_print_list(
	struct lk_cli *cli, const struct lk_rpc_command *command, const ProtobufCMessage *response)
{
	const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
		response->descriptor, command->list);
	const ProtobufCMessage *const *items =
		*(const ProtobufCMessage *const *const *)lk_rpc_member(response, field);
	size_t n = lk_rpc_count(response, field);
	const char *const **rows = lk_cli_alloc(cli, (n + 1) * sizeof *rows);
	const char **head = lk_cli_alloc(cli, LK_TABLE_COLUMNS_MAX * sizeof *head);
	struct lk_table table = { .n_columns = 0 };

	for (; command->columns[table.n_columns] != NULL; table.n_columns++)
		head[table.n_columns] = label_of(cli, command->columns[table.n_columns]);
	lk_table_measure(&table, head);
	for (size_t i = 0; i < n; i++) {
		rows[i] = cells_of(cli, items[i], command->columns);
		lk_table_measure(&table, rows[i]);
	}
	if (n > 0)
		lk_table_print(&table, head, stdout);
	for (size_t i = 0; i < n; i++)
		lk_table_print(&table, rows[i], stdout);
}
