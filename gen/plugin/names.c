/* SPDX-License-Identifier: MIT */
#include "gen/plugin/names.h"

#include <string.h>

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char to_upper(char c)
{
	return is_lower(c) ? (char)(c - 'a' + 'A') : c;
}

static char to_lower(char c)
{
	return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

/* Room for a name whose every letter may get an underscore; "" when memory is short. */
static char *new_name(const struct lk_schema *schema, const char *name)
{
	static char nothing[1];
	char *room = lk_arena_calloc(schema->arena, 2 * strlen(name) + 1, 1);

	return room != NULL ? room : nothing;
}

const char *lk_names_stem(const struct lk_schema *schema, const pb_file *file)
{
	size_t n = strlen(file->name);

	if (n > 6 && strcmp(file->name + n - 6, ".proto") == 0)
		n -= 6;
	return lk_out_format(schema->arena, "%.*s", (int)n, file->name);
}

/* The three below do what protobuf-c's FullNameToC, FullNameToLower and FullNameToUpper do. */

const char *lk_names_pbc_type(const struct lk_schema *schema, const char *full_name)
{
	char *name = new_name(schema, full_name);
	bool starts_word = true;
	size_t n = 0;

	for (const char *at = full_name; !schema->arena->exhausted && *at != '\0'; at++) {
		if (*at == '.') {
			name[n++] = '_';
			name[n++] = '_';
		} else if (*at != '_') {
			name[n++] = starts_word ? to_upper(*at) : *at;
		}
		starts_word = *at == '.' || *at == '_';
	}
	return name;
}

static const char *pbc_name(
	const struct lk_schema *schema, const char *full_name, char (*convert)(char))
{
	char *name = new_name(schema, full_name);
	bool was_upper = true;
	size_t n = 0;

	for (const char *at = full_name; !schema->arena->exhausted && *at != '\0'; at++) {
		if (*at == '.') {
			name[n++] = '_';
			name[n++] = '_';
			was_upper = true;
			continue;
		}
		if (is_upper(*at) && !was_upper)
			name[n++] = '_';
		name[n++] = convert(*at);
		was_upper = is_upper(*at);
	}
	return name;
}

const char *lk_names_pbc_lower(const struct lk_schema *schema, const char *full_name)
{
	return pbc_name(schema, full_name, to_lower);
}

const char *lk_names_pbc_upper(const struct lk_schema *schema, const char *full_name)
{
	return pbc_name(schema, full_name, to_upper);
}

const char *lk_names_upper(const struct lk_schema *schema, const char *name)
{
	char *upper = new_name(schema, name);

	for (size_t i = 0; !schema->arena->exhausted && name[i] != '\0'; i++)
		upper[i] = to_upper(name[i]);
	return upper;
}

const char *lk_names_json(const struct lk_schema *schema, const char *field)
{
	char *name = new_name(schema, field);
	size_t n = 0;

	for (size_t i = 0; !schema->arena->exhausted && field[i] != '\0'; i++)
		if (field[i] != '_')
			name[n++] = i > 0 && field[i - 1] == '_' ? to_upper(field[i]) : field[i];
	return name;
}

/* "http_request" of "HTTPRequest", "outer_inner" of "Outer.Inner". */
static const char *snake(const struct lk_schema *schema, const char *name)
{
	char *snaked = new_name(schema, name);
	size_t n = 0;

	for (size_t i = 0; !schema->arena->exhausted && name[i] != '\0'; i++) {
		char before = i > 0 ? name[i - 1] : '_';
		bool starts_word =
			is_upper(name[i]) && (is_lower(before) || is_digit(before) ||
						     (is_upper(before) && is_lower(name[i + 1])));

		if (starts_word)
			snaked[n++] = '_';
		snaked[n++] = name[i] == '.' ? '_' : to_lower(name[i]);
	}
	return snaked;
}

/* "v1", "v2beta1" */
static bool is_version(const char *word)
{
	size_t n = strspn(word + 1, "0123456789");
	const char *rest = word + 1 + n;

	if (word[0] != 'v' || n == 0)
		return false;
	if (strncmp(rest, "alpha", 5) == 0)
		rest += 5;
	else if (strncmp(rest, "beta", 4) == 0)
		rest += 4;
	else
		return rest[0] == '\0';
	return rest[strspn(rest, "0123456789")] == '\0';
}

static bool same_package(const pb_file *a, const pb_file *b)
{
	return strcmp(a->package != NULL ? a->package : "", b->package != NULL ? b->package : "") ==
	       0;
}

static bool is_overridden(const struct lk_schema *schema, const pb_file *file)
{
	if (schema->c_prefix == NULL)
		return false;
	for (size_t i = 0; i < schema->request->n_proto_file; i++) {
		const pb_file *other = schema->request->proto_file[i];

		if (lk_schema_is_asked_for(schema, other) && same_package(other, file))
			return true;
	}
	return false;
}

const char *lk_names_prefix(const struct lk_schema *schema, const pb_file *file)
{
	const char *package = file->package != NULL ? file->package : "";
	const char *last = strrchr(package, '.');
	const char *ours = "";
	size_t n = strlen(package);

	if (is_overridden(schema, file))
		return schema->c_prefix;
	if (last != NULL && is_version(last + 1))
		n = (size_t)(last - package);
	if (strncmp(package, "latchkey.", strlen("latchkey.")) == 0) {
		ours = "lk";
		package += strlen("latchkey");
		n -= strlen("latchkey");
	}
	return snake(schema, lk_out_format(schema->arena, "%s%.*s", ours, (int)n, package));
}

const char *lk_names_alias(
	const struct lk_schema *schema, const pb_file *file, const char *full_name)
{
	size_t n = file->package != NULL ? strlen(file->package) : 0;
	const char *local = full_name;

	/* The name is "" when memory is short. */
	if (n > 0 && strlen(full_name) > n)
		local += n + 1;
	return lk_out_format(
		schema->arena, "%s_%s", lk_names_prefix(schema, file), snake(schema, local));
}

const char *lk_names_type(const struct lk_schema *schema, const struct lk_type *type)
{
	return lk_schema_has_rpc_header(type->place.file)
		       ? lk_names_alias(schema, type->place.file, type->name)
		       : lk_names_pbc_type(schema, type->name);
}

const char *lk_names_enumerator(
	const struct lk_schema *schema, const char *alias, const pb_enum *e, const char *value)
{
	const char *repeated = lk_names_upper(schema, snake(schema, e->name));
	size_t n = strlen(repeated);

	if (strncmp(value, repeated, n) == 0 && value[n] == '_' && value[n + 1] != '\0')
		value += n + 1;
	return lk_names_upper(schema, lk_out_format(schema->arena, "%s_%s", alias, value));
}

const char *lk_names_local_service(const struct lk_schema *schema, const struct lk_site *site)
{
	return snake(schema, site->service->name);
}

const char *lk_names_service(const struct lk_schema *schema, const struct lk_site *site)
{
	return lk_out_format(schema->arena, "%s_%s", lk_names_prefix(schema, site->file),
		snake(schema, site->service->name));
}

const char *lk_names_member(const struct lk_schema *schema, const struct lk_site *site)
{
	return snake(schema, site->method->name);
}

const char *lk_names_local_method(const struct lk_schema *schema, const struct lk_site *site)
{
	return lk_out_format(schema->arena, "%s_%s", snake(schema, site->service->name),
		snake(schema, site->method->name));
}

const char *lk_names_method(const struct lk_schema *schema, const struct lk_site *site)
{
	return lk_out_format(schema->arena, "%s_%s", lk_names_service(schema, site),
		snake(schema, site->method->name));
}
