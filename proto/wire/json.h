/* SPDX-License-Identifier: MIT */
/* Messages as JSON and back, after protobuf's own mapping ("ProtoJSON").
 *
 * One implementation for every message: it walks the descriptor, so it also serves types that
 * the program was not built with. Field names are lowerCamelCase in the text, and the names
 * of the schema are understood too, unless one is chosen. 64-bit integers are strings in the text,
 * since a reader with doubles would round them; bytes are base64; enum values go by name;
 * Timestamp, Duration and FieldMask have their short forms; a map is an object. protobuf-c knows no
 * maps: a repeated message named after its field, such as `MetadataEntry`, with `key` = 1 and
 * `value` = 2 is one.
 *
 * Integers are exact: from 2^53 on one is written as plain digits, and from 2^63 on in quotes. No
 * locale plays a part. The grammar is jansson's, whose memory is wiped before a call returns.
 */
#pragma once

#include "proto/wire/arena.h"
#include "proto/wire/buf.h"
#include "proto/wire/status.h"

/* Objects and arrays inside each other; the schema needs 6. */
#define LK_JSON_DEPTH_MAX 16

/* Commas and opening brackets of one text: no fewer than it has values, brackets that hold nothing
 * counted twice. As LK_MESSAGE_FIELDS_MAX. */
#define LK_JSON_VALUES_MAX 4096

/* Bytes of a text that is read. */
#define LK_JSON_TEXT_MAX ((size_t)1 << 20)

/* How a Timestamp is written. */
enum lk_json_times {
	LK_JSON_TIMES_CANONICAL = 0, /* with 0, 3, 6 or 9 digits after the second */
	LK_JSON_TIMES_SECONDS,       /* with none; what is finer is cut off */
	LK_JSON_TIMES_MILLIS,        /* with 3 always; likewise */
};

/* What members are called in the text. */
enum lk_json_names {
	LK_JSON_NAMES_CANONICAL = 0, /* in lowerCamelCase; read under the schema's name, too */
	LK_JSON_NAMES_CAMEL,         /* in lowerCamelCase alone */
	LK_JSON_NAMES_PROTO,         /* as in the schema alone */
};

struct lk_json_options {
	bool with_defaults; /* printing: also numbers that are 0, empty texts, lists and maps;
			     * messages and members of a oneof only when they are set */
	bool with_nulls;    /* printing: a message that is not set, and whatever else has presence
			     * of its own, is null; members of a oneof still only when set */
	enum lk_json_times times; /* printing */
	unsigned indent;     /* printing: spaces a level, 31 at most; 0: everything on one line */
	bool ignore_unknown; /* parsing: skip members that the message does not have */
	enum lk_json_names names; /* where a field has one name, errors name it as the text does */

	/* Fields that are in no text: they are not printed, and unknown when they are read. NULL:
	 * none. */
	bool (*skip)(const void *arg, const ProtobufCMessageDescriptor *type,
		const ProtobufCFieldDescriptor *field);
	const void *skip_arg;
};

/* Appends the message's JSON text. `options` may be NULL: canonical, on one line. A failure
 * leaves the buffer as it was, but for a text that does not fit, of which it holds a part.
 *
 * LK_INVALID_ARGUMENT    a value has no JSON form, such as a Timestamp of the year 10000, or the
 *                        message is nested deeper than LK_MESSAGE_DEPTH_MAX
 * LK_RESOURCE_EXHAUSTED  the text does not fit into the buffer, or memory is short
 */
LK_MUST_USE struct lk_status lk_json_print(
	const ProtobufCMessage *message, const struct lk_json_options *options, struct lk_buf *out);

/* Reads a message from exactly one JSON object. `options` may be NULL: strict. The message and
 * the status's field, a path such as "credentials[1].value", live in the arena.
 *
 * Null stands for an absent field. A member that comes twice, be it under both its names, is
 * refused, and so are an unknown member, two members of a oneof, a number that does not fit, and
 * text that is not UTF-8 or has a NUL. An integer may be written as a real number below 2^53
 * (`1e3`), or as plain digits in quotes ("1000").
 *
 * LK_INVALID_ARGUMENT    not JSON, or not this message; without a field when the text is at fault
 * LK_RESOURCE_EXHAUSTED  the message does not fit into the arena, or memory is short
 */
LK_MUST_USE struct lk_status lk_json_parse(const ProtobufCMessageDescriptor *type,
	struct lk_bytes text, const struct lk_json_options *options, struct lk_arena *arena,
	ProtobufCMessage **message_out);

/* Appends the bytes as base64 (RFC 4648, section 4), padded. */
void lk_json_base64_print(struct lk_bytes bytes, struct lk_buf *out);

/* The field that a text calls by this name, the canonical one in lowerCamelCase; NULL: none. */
const ProtobufCFieldDescriptor *lk_json_field(
	const ProtobufCMessageDescriptor *type, enum lk_json_names names, const char *name);

/* Puts the field's name in a text, and a dot where one is needed, in front of the field that an
 * error of LK_INVALID_ARGUMENT names so far; in the arena. Any other status comes back as it is. */
struct lk_status lk_json_in_member(struct lk_status st, const ProtobufCFieldDescriptor *field,
	enum lk_json_names names, struct lk_arena *arena);

/* Sets a field from texts that are no JSON, such as parts of a path or a query: UTF-8, and what a
 * JSON string for it would hold; `true` and `false` besides. A list takes any number of them, all
 * others one. Real numbers, maps and messages without a short form have no such text. The status's
 * field is "scopes[1]".
 *
 * LK_INVALID_ARGUMENT    not a text of the field, or more than one
 * LK_RESOURCE_EXHAUSTED  the value does not fit into the arena
 */
LK_MUST_USE struct lk_status lk_json_set(ProtobufCMessage *message,
	const ProtobufCFieldDescriptor *field, enum lk_json_names names, const char *const *texts,
	size_t n_texts, struct lk_arena *arena);

/* Texts of a claim, one or a list of them. */
struct lk_json_texts {
	const char **items;
	size_t n;
};

/* Where a JWT has the claims that no standard names: members joined by dots. */
struct lk_json_claim_names {
	const char *roles;
	const char *organization; /* "": nowhere */
};

/* What a claim is that is not there: "" or empty. */
struct lk_json_claims {
	const char *issuer;
	const char *subject;
	struct lk_json_texts audiences;
	int64_t expires_ms;
	int64_t not_before_ms;
	struct lk_json_texts roles;
	const char *organization;
};

/* Reads the claims of a JWT's payload. False when it is no object, when `exp` is missing, when a
 * claim is not what RFC 7519 says, and when memory is short. */
LK_MUST_USE bool lk_json_claims_read(struct lk_bytes text, const struct lk_json_claim_names *names,
	struct lk_arena *arena, struct lk_json_claims *claims_out);

/* What the header of a JWT says. */
struct lk_json_header {
	const char *algorithm;
	const char *kid; /* "": none */
};

/* Reads it. False for what is no header, for another type, and where there is an extension that has
 * to be understood (RFC 7515, section 4.1.11). */
LK_MUST_USE bool lk_json_header_read(
	struct lk_bytes text, struct lk_arena *arena, struct lk_json_header *header_out);

#define LK_JWKS_MAX 16

/* A public key, its numbers in base64url: x and y of P-256, or n and e of RSA. */
struct lk_jwk {
	bool is_ec;
	const char *kid; /* "": none */
	const char *first, *second;
};

struct lk_jwks {
	size_t n;
	struct lk_jwk items[LK_JWKS_MAX];
};

/* The keys of a JWK Set that may verify ES256 and RS256, the first LK_JWKS_MAX of them; others are
 * passed over (RFC 7517, section 5). False when it is no such set, and when memory is short. */
LK_MUST_USE bool lk_json_jwks_read(
	struct lk_bytes text, struct lk_arena *arena, struct lk_jwks *jwks_out);
