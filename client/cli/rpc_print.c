/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <string.h>

#include "client/cli/key.h"
#include "client/cli/rpc_priv.h"
#include "google/protobuf/timestamp.pb-c.h"

#define CELL_COLUMNS 40
#define LABEL_ROOM 64

const ProtobufCFieldDescriptor *lk_rpc_field(const ProtobufCMessage *message, const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
}

void *lk_rpc_place(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return (char *)(uintptr_t)message + field->offset;
}

size_t lk_rpc_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return *(const size_t *)((const char *)message + field->quantifier_offset);
}

static const char *text_of_number(struct lk_arena *arena, int32_t number)
{
	char text[16];

	snprintf(text, sizeof text, "%d", number);
	return lk_text_safe(arena, text);
}

/* "" for what has nothing to tell; NULL for a message with fields of its own. */
static const char *text_of_message(struct lk_arena *arena, const ProtobufCMessage *message)
{
	if (message == NULL)
		return "";
	if (message->descriptor != &google__protobuf__timestamp__descriptor)
		return NULL;
	return lk_key_time(arena, (const Google__Protobuf__Timestamp *)message);
}

static const char *text_of(struct lk_arena *arena, const ProtobufCMessage *message,
	const ProtobufCFieldDescriptor *field)
{
	const void *place = lk_rpc_place(message, field);

	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t n = lk_rpc_count(message, field);

		if (field->type != PROTOBUF_C_TYPE_STRING || n == 0)
			return "";
		return lk_key_join(arena, *(char *const *const *)place, n);
	}
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return lk_text_safe(arena, *(const char *const *)place);
	if (field->type == PROTOBUF_C_TYPE_BOOL)
		return *(const protobuf_c_boolean *)place ? "yes" : "no";
	if (field->type == PROTOBUF_C_TYPE_INT32)
		return text_of_number(arena, *(const int32_t *)place);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return text_of_message(arena, *(const ProtobufCMessage *const *)place);
	return "";
}

/* "Created at" of "created_at", and "ID" of "id". */
static void label_of(const char *name, char label_out[LABEL_ROOM])
{
	size_t n = strnlen(name, LABEL_ROOM - 1);

	for (size_t i = 0; i < n; i++)
		label_out[i] = name[i] == '_' ? ' ' : name[i];
	label_out[n] = '\0';
	label_out[0] = (char)toupper((unsigned char)label_out[0]);
	if (strcmp(name, "id") == 0)
		label_out[1] = 'D';
}

void lk_rpc_print(struct lk_cli *cli, const ProtobufCMessage *message)
{
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		const char *text = text_of(&cli->arena, message, field);
		char label[LABEL_ROOM];

		label_of(field->name, label);
		if (text == NULL)
			lk_rpc_print(cli, *(ProtobufCMessage *const *)lk_rpc_place(message, field));
		else if (text[0] != '\0')
			printf("%-20s %s\n", label, text);
	}
}

void lk_rpc_fill_row(struct lk_arena *arena, const ProtobufCMessage *message,
	const char *const *columns, const char *cells[LK_TABLE_COLUMNS_MAX])
{
	for (size_t i = 0; columns[i] != NULL; i++) {
		const char *text = text_of(arena, message, lk_rpc_field(message, columns[i]));

		cells[i] = text != NULL && text[0] != '\0'
				   ? lk_text_short(arena, text, CELL_COLUMNS)
				   : "-";
	}
}

void lk_rpc_fill_head(
	struct lk_arena *arena, const char *const *columns, const char *cells[LK_TABLE_COLUMNS_MAX])
{
	for (size_t i = 0; columns[i] != NULL; i++) {
		char label[LABEL_ROOM];

		label_of(columns[i], label);
		for (char *at = label; *at != '\0'; at++)
			*at = (char)toupper((unsigned char)*at);
		cells[i] = lk_text_safe(arena, label);
	}
}
