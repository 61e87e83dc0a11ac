/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "gen/plugin/check.h"
#include "gen/plugin/names.h"
#include "gen/plugin/surface.h"

/* A C name and what it is made of. */
struct claim {
	const char *name;
	const char *owner; /* "message latchkey.v1.Key" */
	struct lk_place place;
	size_t order;      /* of declaration */
	const char *rival; /* the owner of the same name that came first, or NULL */
};

struct claims {
	struct lk_schema *schema;
	struct claim *all; /* NULL: they are only counted */
	size_t n;
};

static void claim(struct claims *claims, struct lk_place place, const char *owner, const char *name)
{
	if (claims->all != NULL)
		claims->all[claims->n] = (struct claim) { name, owner, place, claims->n, NULL };
	claims->n++;
}

static void claim_enum(
	struct claims *claims, struct lk_place place, const char *scope, const pb_enum *e)
{
	struct lk_schema *schema = claims->schema;
	const char *name =
		lk_out_format(schema->arena, "%s%s%s", scope, scope[0] != '\0' ? "." : "", e->name);
	const char *alias = lk_names_alias(schema, place.file, name);
	const char *owner = lk_out_format(schema->arena, "enum %s", name);

	claim(claims, place, owner, alias);
	for (size_t i = 0; i < e->n_value; i++)
		claim(claims, lk_schema_place_in(schema, place, LK_PATH_ENUM_VALUE, i),
			lk_out_format(schema->arena, "value %s of %s", e->value[i]->name, owner),
			lk_names_enumerator(schema, alias, e, e->value[i]->name));
}

static void claim_type(struct claims *claims, const struct lk_type *type)
{
	struct lk_schema *schema = claims->schema;
	const char *alias = lk_names_alias(schema, type->place.file, type->name);
	const char *owner = lk_out_format(schema->arena, "message %s", type->name);

	claim(claims, type->place, owner, alias);
	claim(claims, type->place, owner,
		lk_out_format(schema->arena, "%s_INIT", lk_names_upper(schema, alias)));
	for (size_t i = 0; i < type->message->n_enum_type; i++)
		claim_enum(claims, lk_schema_place_in(schema, type->place, LK_PATH_MESSAGE_ENUM, i),
			type->name, type->message->enum_type[i]);
}

static void claim_method(struct claims *claims, const struct lk_site *in)
{
	struct lk_schema *schema = claims->schema;
	struct lk_place place = lk_schema_place_in(schema,
		(struct lk_place) { in->file, in->path, 2 }, in->path[2], (size_t)in->path[3]);
	const char *name = lk_names_method(schema, in);
	const char *owner = lk_out_format(schema->arena, "method %s.%s",
		lk_schema_service_name(schema, in), in->method->name);

	if (lk_surface_is(schema, in->service)) {
		claim(claims, place, owner, lk_out_format(schema->arena, "%s_answer", name));
	} else {
		claim(claims, place, owner, name);
		claim(claims, place, owner, lk_out_format(schema->arena, "%s_async", name));
		claim(claims, place, owner, lk_out_format(schema->arena, "%s_done_fn", name));
	}
	claim(claims, place, owner, lk_names_upper(schema, name));
}

/* protobuf-c gives its own table of a service a member of that name. */
static void check_keyword(struct lk_schema *schema, const struct lk_site *site)
{
	static const char *const keywords[] = { "auto", "break", "case", "char", "const",
		"continue", "default", "do", "double", "else", "enum", "extern", "float", "for",
		"goto", "if", "inline", "int", "long", "register", "restrict", "return", "short",
		"signed", "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned",
		"void", "volatile", "while" };
	const char *name = lk_names_member(schema, site);

	for (size_t i = 0; i < LK_COUNT(keywords); i++)
		if (strcmp(name, keywords[i]) == 0)
			lk_schema_fail(schema, lk_schema_site_place(site),
				"method %s would be called %s in C, which is a keyword",
				site->method->name, name);
}

static void claim_service(struct claims *claims, const pb_file *file, size_t index)
{
	struct lk_schema *schema = claims->schema;
	struct lk_place place = lk_schema_place_in(
		schema, (struct lk_place) { .file = file }, LK_PATH_FILE_SERVICE, index);
	struct lk_site first = lk_schema_site(file, index, 0);
	const char *name = lk_names_service(schema, &first);
	const char *owner =
		lk_out_format(schema->arena, "service %s", lk_schema_service_name(schema, &first));

	claim(claims, place, owner, name);
	claim(claims, place, owner,
		lk_out_format(schema->arena,
			lk_surface_is(schema, first.service) ? "%s_openapi" : "%s_methods", name));
	for (size_t i = 0; i < file->service[index]->n_method; i++) {
		struct lk_site site = lk_schema_site(file, index, i);

		claim_method(claims, &site);
	}
}

static void claim_all(struct claims *claims)
{
	struct lk_schema *schema = claims->schema;

	claims->n = 0;
	for (size_t i = 0; i < schema->n_types; i++)
		if (lk_schema_has_rpc_header(schema->types[i].place.file))
			claim_type(claims, &schema->types[i]);
	for (size_t i = 0; i < schema->request->n_proto_file; i++) {
		const pb_file *file = schema->request->proto_file[i];
		struct lk_place place = { .file = file };

		if (!lk_schema_has_rpc_header(file))
			continue;
		for (size_t e = 0; e < file->n_enum_type; e++)
			claim_enum(claims, lk_schema_place_in(schema, place, LK_PATH_FILE_ENUM, e),
				file->package != NULL ? file->package : "", file->enum_type[e]);
		for (size_t s = 0; s < file->n_service; s++)
			if (file->service[s]->n_method > 0)
				claim_service(claims, file, s);
	}
}

static int by_name(const void *a, const void *b)
{
	const struct claim *left = a;
	const struct claim *right = b;
	int order = strcmp(left->name, right->name);

	return order != 0 ? order : left->order < right->order ? -1 : 1;
}

static int by_order(const void *a, const void *b)
{
	const struct claim *left = a;
	const struct claim *right = b;

	return left->order < right->order ? -1 : 1;
}

/* In the order of declaration, each declaration once. */
static void report_rivals(struct claims *claims)
{
	const char *reported = NULL;

	qsort(claims->all, claims->n, sizeof *claims->all, by_name);
	for (size_t i = 1; i < claims->n; i++)
		if (strcmp(claims->all[i].name, claims->all[i - 1].name) == 0)
			claims->all[i].rival = claims->all[i - 1].owner;
	qsort(claims->all, claims->n, sizeof *claims->all, by_order);
	for (size_t i = 0; i < claims->n; i++) {
		const struct claim *claim = &claims->all[i];

		if (claim->rival == NULL || claim->owner == reported)
			continue;
		reported = claim->owner;
		lk_schema_fail(claims->schema, claim->place,
			"the C name %s of %s is also that of %s", claim->name, claim->owner,
			claim->rival);
	}
}

static void check_file(struct lk_schema *schema, const pb_file *file)
{
	static const int32_t syntax[] = { LK_PATH_FILE_SYNTAX };

	if (lk_names_prefix(schema, file)[0] == '\0')
		lk_schema_fail(schema, (struct lk_place) { file, syntax, LK_COUNT(syntax) },
			"a file without a package needs the parameter c_prefix=NAME");
	for (size_t s = 0; s < file->n_service; s++) {
		for (size_t m = 0; m < file->service[s]->n_method; m++) {
			struct lk_site site = lk_schema_site(file, s, m);

			check_keyword(schema, &site);
		}
	}
}

void lk_check_names(struct lk_schema *schema)
{
	struct claims claims = { .schema = schema };

	for (size_t i = 0; i < schema->request->n_proto_file; i++)
		if (lk_schema_is_asked_for(schema, schema->request->proto_file[i]))
			check_file(schema, schema->request->proto_file[i]);
	claim_all(&claims);
	claims.all = lk_arena_calloc(schema->arena, claims.n, sizeof *claims.all);
	if (claims.all == NULL)
		return;
	claim_all(&claims);
	report_rivals(&claims);
}
