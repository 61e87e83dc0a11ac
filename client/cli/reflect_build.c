/* SPDX-License-Identifier: MIT */
/* From a declared type to what protobuf-c's generator would have made of it. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/reflect_priv.h"

/* Where a field's value stands in memory: the largest of all values, so that the members of a
 * oneof may share one. */
#define SLOT_SIZE sizeof(ProtobufCBinaryData)

/* Field number of `secret` in google.protobuf.FieldOptions. */
#define OPTION_SECRET 50802

/* protobuf allows no larger number. */
#define FIELD_NUMBER_MAX ((1 << 29) - 1)

static bool type_of(const pb_field *field, ProtobufCType *type_out)
{
	static const struct {
		Google__Protobuf__FieldDescriptorProto__Type declared;
		ProtobufCType type;
	} types[] = {
#define TYPE(name) \
	{ GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name, PROTOBUF_C_TYPE_##name }
		TYPE(DOUBLE),
		TYPE(FLOAT),
		TYPE(INT64),
		TYPE(UINT64),
		TYPE(INT32),
		TYPE(FIXED64),
		TYPE(FIXED32),
		TYPE(BOOL),
		TYPE(STRING),
		TYPE(MESSAGE),
		TYPE(BYTES),
		TYPE(UINT32),
		TYPE(ENUM),
		TYPE(SFIXED32),
		TYPE(SFIXED64),
		TYPE(SINT32),
		TYPE(SINT64),
#undef TYPE
	};

	for (size_t i = 0; i < LK_COUNT(types); i++) {
		if (types[i].declared == field->type) {
			*type_out = types[i].type;
			return true;
		}
	}
	return false;
}

/* Numbers in a row go into one range; the last entry closes the table. */
static ProtobufCIntRange *add_to_ranges(
	ProtobufCIntRange *ranges, unsigned *n_ranges, int value, unsigned index)
{
	const ProtobufCIntRange *last = *n_ranges > 0 ? &ranges[*n_ranges - 1] : NULL;

	if (last == NULL ||
		(int64_t)value != (int64_t)last->start_value + (index - last->orig_index))
		ranges[(*n_ranges)++] = (ProtobufCIntRange) { value, index };
	ranges[*n_ranges] = (ProtobufCIntRange) { 0, index + 1 };
	return ranges;
}

/* --- enums --- */

static int by_value(const void *a, const void *b)
{
	const ProtobufCEnumValue *x = a;
	const ProtobufCEnumValue *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

static int by_value_name(const void *a, const void *b)
{
	return strcmp(((const ProtobufCEnumValueIndex *)a)->name,
		((const ProtobufCEnumValueIndex *)b)->name);
}

/* The values, sorted by number, each number once; aliases are found by name only. */
static struct lk_status fill_values(
	struct lk_arena *arena, const pb_enum *declared, ProtobufCEnumDescriptor *built)
{
	size_t n = declared->n_value;
	ProtobufCEnumValue *values = lk_arena_calloc(arena, n, sizeof *values);
	ProtobufCEnumValueIndex *names = lk_arena_calloc(arena, n, sizeof *names);
	ProtobufCIntRange *ranges = lk_arena_calloc(arena, n + 1, sizeof *ranges);

	if (values == NULL || names == NULL || ranges == NULL)
		return NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		const char *name = declared->value[i]->name;

		if (!lk_reflect_is_name(name, false))
			return UNSOUND;
		values[i] = (ProtobufCEnumValue) { name, name, declared->value[i]->number };
	}
	qsort(values, n, sizeof *values, by_value);
	for (size_t i = 0; i < n; i++) {
		unsigned *n_values = &built->n_values;

		if (*n_values == 0 || values[*n_values - 1].value != values[i].value) {
			values[*n_values] = values[i];
			add_to_ranges(ranges, &built->n_value_ranges, values[i].value, *n_values);
			++*n_values;
		}
	}
	for (size_t i = 0; i < n; i++) {
		ProtobufCEnumValue wanted = { .value = declared->value[i]->number };
		const ProtobufCEnumValue *value =
			bsearch(&wanted, values, built->n_values, sizeof *values, by_value);

		names[i] = (ProtobufCEnumValueIndex) { declared->value[i]->name,
			(unsigned)(value - values) };
	}
	qsort(names, n, sizeof *names, by_value_name);
	built->values = values;
	built->n_value_names = (unsigned)n;
	built->values_by_name = names;
	built->value_ranges = ranges;
	return LK_SUCCESS;
}

static struct lk_status build_enum(struct lk_reflection *reflection, struct lk_reflect_type *type)
{
	ProtobufCEnumDescriptor *built = lk_arena_calloc(reflection->arena, 1, sizeof *built);

	if (built == NULL)
		return NO_MEMORY;
	/* The first value is the default, and proto3's is 0: memory starts as zeros. */
	if (type->enumeration->n_value == 0 || type->enumeration->value[0]->number != 0)
		return UNSOUND;
	*built = (ProtobufCEnumDescriptor) {
		.magic = PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC,
		.name = type->name,
		.short_name = type->enumeration->name,
		.c_name = type->enumeration->name,
		.package_name = type->package,
	};
	LK_TRY(fill_values(reflection->arena, type->enumeration, built));
	type->built_enum = built;
	return LK_SUCCESS;
}

/* --- messages --- */

static struct lk_status build_message(
	struct lk_reflection *reflection, struct lk_reflect_type *type, unsigned depth);

/* The descriptor of a field's message or enum. */
static struct lk_status resolve(struct lk_reflection *reflection, const pb_field *declared,
	unsigned depth, ProtobufCFieldDescriptor *field)
{
	struct lk_reflect_type *type;

	if (field->type != PROTOBUF_C_TYPE_MESSAGE && field->type != PROTOBUF_C_TYPE_ENUM)
		return LK_SUCCESS;
	type = declared->type_name != NULL ? lk_reflect_find_type(reflection, declared->type_name)
					   : NULL;
	if (type == NULL || !type->is_proto3 ||
		(type->message != NULL) != (field->type == PROTOBUF_C_TYPE_MESSAGE))
		return UNSOUND;
	if (type->message == NULL) {
		if (type->built_enum == NULL)
			LK_TRY(build_enum(reflection, type));
		field->descriptor = type->built_enum;
		return LK_SUCCESS;
	}
	/* A message that contains itself finds its own, unfinished descriptor here. */
	if (type->built_message == NULL)
		LK_TRY(build_message(reflection, type, depth + 1));
	field->descriptor = type->built_message;
	return LK_SUCCESS;
}

static uint32_t flags_of(const pb_field *declared, const ProtobufCFieldDescriptor *field)
{
	bool is_packable = field->type != PROTOBUF_C_TYPE_STRING &&
			   field->type != PROTOBUF_C_TYPE_BYTES &&
			   field->type != PROTOBUF_C_TYPE_MESSAGE;
	bool is_unpacked = declared->options != NULL && declared->options->has_packed &&
			   !declared->options->packed;
	uint32_t flags = 0;

	if (field->label == PROTOBUF_C_LABEL_REPEATED && is_packable && !is_unpacked)
		flags |= PROTOBUF_C_FIELD_FLAG_PACKED;
	if (declared->has_oneof_index)
		flags |= PROTOBUF_C_FIELD_FLAG_ONEOF;
	return flags;
}

/* Everything but the place in memory. */
static struct lk_status describe_field(struct lk_reflection *reflection, const pb_field *declared,
	unsigned depth, ProtobufCFieldDescriptor *field)
{
	bool is_repeated =
		declared->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;

	if (!lk_reflect_is_name(declared->name, false) || declared->number < 1 ||
		declared->number > FIELD_NUMBER_MAX || !type_of(declared, &field->type) ||
		(is_repeated && declared->has_oneof_index))
		return UNSOUND;
	field->name = declared->name;
	field->id = (uint32_t)declared->number;
	field->label = is_repeated ? PROTOBUF_C_LABEL_REPEATED : PROTOBUF_C_LABEL_NONE;
	field->flags = flags_of(declared, field);
	/* A singular string is never NULL; a member of a oneof shares its place with others. */
	if (field->type == PROTOBUF_C_TYPE_STRING && !declared->has_oneof_index)
		field->default_value = &protobuf_c_empty_string;
	return resolve(reflection, declared, depth, field);
}

/* Takes down that a field is marked as a secret. The option is an unknown field, since protobuf-c
 * knows no extensions; a boolean's varint is not zero when its first byte is not. */
static struct lk_status note_secret(struct lk_reflection *reflection, const pb_field *declared,
	const ProtobufCMessageDescriptor *message)
{
	const ProtobufCMessage *options =
		declared->options != NULL ? &declared->options->base : NULL;
	bool is_secret = false;

	for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *option = &options->unknown_fields[i];

		is_secret = is_secret || (option->tag == OPTION_SECRET && option->len > 0 &&
						 option->data[0] != 0);
	}
	if (!is_secret)
		return LK_SUCCESS;
	if (reflection->n_secrets == LK_REFLECT_SECRETS_MAX)
		return UNSOUND;
	reflection->secrets[reflection->n_secrets++] =
		(struct lk_secret_field) { message, (uint32_t)declared->number };
	return LK_SUCCESS;
}

/* Memory of a message: the base, then a case and a slot for each oneof, then each other field's
 * count and slot. */
static struct lk_status place_field(const pb_message *message, const pb_field *declared,
	ProtobufCFieldDescriptor *field, size_t *size)
{
	const size_t start = sizeof(ProtobufCMessage);
	const size_t pair = sizeof(size_t) + SLOT_SIZE;

	if (declared->has_oneof_index) {
		if (declared->oneof_index < 0 ||
			(size_t)declared->oneof_index >= message->n_oneof_decl)
			return UNSOUND;
		field->quantifier_offset = (unsigned)(start + (size_t)declared->oneof_index * pair);
		field->offset = field->quantifier_offset + (unsigned)sizeof(size_t);
		return LK_SUCCESS;
	}
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		field->quantifier_offset = (unsigned)*size;
		*size += sizeof(size_t);
	}
	field->offset = (unsigned)*size;
	*size += SLOT_SIZE;
	return LK_SUCCESS;
}

static int by_id(const void *a, const void *b)
{
	const ProtobufCFieldDescriptor *x = a;
	const ProtobufCFieldDescriptor *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int by_field_name(const void *a, const void *b, void *arg)
{
	const ProtobufCFieldDescriptor *fields = arg;

	return strcmp(fields[*(const unsigned *)a].name, fields[*(const unsigned *)b].name);
}

/* Sorts the fields, and makes the tables by which protobuf-c finds them. */
static struct lk_status index_fields(struct lk_arena *arena, ProtobufCFieldDescriptor *fields,
	unsigned n, ProtobufCMessageDescriptor *built)
{
	unsigned *names = lk_arena_calloc(arena, n, sizeof *names);
	ProtobufCIntRange *ranges = lk_arena_calloc(arena, (size_t)n + 1, sizeof *ranges);

	if (names == NULL || ranges == NULL)
		return NO_MEMORY;
	qsort(fields, n, sizeof *fields, by_id);
	for (unsigned i = 0; i < n; i++) {
		if (i > 0 && fields[i].id == fields[i - 1].id)
			return UNSOUND;
		names[i] = i;
		add_to_ranges(ranges, &built->n_field_ranges, (int)fields[i].id, i);
	}
	qsort_r(names, n, sizeof *names, by_field_name, fields);
	built->fields = fields;
	built->n_fields = n;
	built->fields_sorted_by_name = names;
	built->field_ranges = ranges;
	return LK_SUCCESS;
}

static struct lk_status build_message(
	struct lk_reflection *reflection, struct lk_reflect_type *type, unsigned depth)
{
	const pb_message *message = type->message;
	ProtobufCMessageDescriptor *built = lk_arena_calloc(reflection->arena, 1, sizeof *built);
	ProtobufCFieldDescriptor *fields =
		lk_arena_calloc(reflection->arena, message->n_field, sizeof *fields);
	size_t size =
		sizeof(ProtobufCMessage) + message->n_oneof_decl * (sizeof(size_t) + SLOT_SIZE);

	if (built == NULL || fields == NULL)
		return NO_MEMORY;
	if (!type->is_proto3 || depth > LK_MESSAGE_DEPTH_MAX)
		return UNSOUND;
	*built = (ProtobufCMessageDescriptor) {
		.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
		.name = type->name,
		.short_name = message->name,
		.c_name = message->name,
		.package_name = type->package,
	};
	type->built_message = built;
	for (size_t i = 0; i < message->n_field; i++) {
		LK_TRY(describe_field(reflection, message->field[i], depth, &fields[i]));
		LK_TRY(place_field(message, message->field[i], &fields[i], &size));
		LK_TRY(note_secret(reflection, message->field[i], built));
	}
	built->sizeof_message = size;
	return index_fields(reflection->arena, fields, (unsigned)message->n_field, built);
}

struct lk_status lk_reflect_build(struct lk_reflection *reflection, struct lk_reflect_type *type,
	const ProtobufCMessageDescriptor **descriptor_out)
{
	if (type->built_message == NULL)
		LK_TRY(build_message(reflection, type, 0));
	*descriptor_out = type->built_message;
	return LK_SUCCESS;
}
