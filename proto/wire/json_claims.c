/* SPDX-License-Identifier: MIT */
/* The claims of a JWT that somebody else has made (RFC 7519). */
#include <string.h>
#include <strings.h>

#include "proto/wire/json_priv.h"

/* The member that a path of names joined by dots leads to, or NULL. */
static const json_t *find(const json_t *json, const char *path)
{
	while (json != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");
		char name[LK_JSON_NAME_ROOM];

		if (n >= sizeof name || !json_is_object(json))
			return NULL;
		memcpy(name, path, n);
		name[n] = '\0';
		json = json_object_get(json, name);
		path += path[n] == '.' ? n + 1 : n;
	}
	return json;
}

static const char *text_of(const json_t *json, struct lk_arena *arena)
{
	const char *text = json_is_string(json) ? json_string_value(json) : "";

	return lk_arena_strndup(arena, text, strlen(text));
}

/* Seconds, whole or not, as milliseconds; false for what is no time. */
static bool time_of(const json_t *json, int64_t *ms_out)
{
	double seconds = json_number_value(json);

	if (!json_is_number(json) || !(seconds >= 0 && seconds <= 253402300799.0))
		return false;
	*ms_out = (int64_t)(seconds * 1000);
	return true;
}

/* One text, or a list of texts. */
static bool read_texts(const json_t *json, struct lk_arena *arena, struct lk_json_texts *texts_out)
{
	size_t n = json_is_array(json) ? json_array_size(json) : 1;

	*texts_out = (struct lk_json_texts) { lk_arena_calloc(arena, n, sizeof(char *)), 0 };
	if (json == NULL || json_is_null(json))
		return true;
	for (size_t i = 0; texts_out->items != NULL && i < n; i++) {
		const json_t *item = json_is_array(json) ? json_array_get(json, i) : json;

		if (!json_is_string(item))
			return false;
		texts_out->items[texts_out->n++] = text_of(item, arena);
	}
	return true;
}

static bool read_claims(const json_t *json, const struct lk_json_claim_names *names,
	struct lk_arena *arena, struct lk_json_claims *claims)
{
	const json_t *not_before = json_object_get(json, "nbf");

	claims->issuer = text_of(json_object_get(json, "iss"), arena);
	claims->subject = text_of(json_object_get(json, "sub"), arena);
	claims->organization = names->organization[0] != '\0'
				       ? text_of(find(json, names->organization), arena)
				       : "";
	claims->not_before_ms = 0;
	return time_of(json_object_get(json, "exp"), &claims->expires_ms) &&
	       (not_before == NULL || time_of(not_before, &claims->not_before_ms)) &&
	       read_texts(json_object_get(json, "aud"), arena, &claims->audiences) &&
	       read_texts(find(json, names->roles), arena, &claims->roles);
}

bool lk_json_claims_read(struct lk_bytes text, const struct lk_json_claim_names *names,
	struct lk_arena *arena, struct lk_json_claims *claims_out)
{
	struct lk_arena pool;
	json_t *json;
	bool is_read;

	lk_json_begin(&pool);
	is_read = lk_json_load(text, &json).code == LK_OK && json_is_object(json) &&
		  read_claims(json, names, arena, claims_out);
	lk_json_end(&pool);
	return is_read && !arena->exhausted;
}

bool lk_json_header_read(
	struct lk_bytes text, struct lk_arena *arena, struct lk_json_header *header_out)
{
	struct lk_arena pool;
	const json_t *type;
	json_t *json;
	bool is_read;

	lk_json_begin(&pool);
	is_read = lk_json_load(text, &json).code == LK_OK && json_is_object(json) &&
		  json_object_get(json, "crit") == NULL &&
		  json_is_string(json_object_get(json, "alg"));
	type = is_read ? json_object_get(json, "typ") : NULL;
	if (is_read) {
		header_out->algorithm = text_of(json_object_get(json, "alg"), arena);
		header_out->kid = text_of(json_object_get(json, "kid"), arena);
	}
	is_read = is_read &&
		  (type == NULL || (json_is_string(type) &&
					   strcasecmp(json_string_value(type), "JWT") == 0));
	lk_json_end(&pool);
	return is_read && !arena->exhausted;
}
