/* SPDX-License-Identifier: MIT */
/* Status: how a call ended, in gRPC's codes and numbers.
 *
 * `why` is one sentence fit for the caller: on the server always a string literal, so that no
 * secret and no other tenant's data can get into it; on the client it lives as long as the
 * arena of the call. Internal detail belongs into the log.
 */
#pragma once

#include "proto/wire/types.h"

enum lk_code {
#define LK_CODE(name, number, http) LK_##name = (number),
#include "proto/wire/status.def"
#undef LK_CODE
};

/* latchkey.v1.ErrorReason: tells errors of one code apart, for programs. */
enum lk_error_reason {
	LK_NO_REASON = 0,
	LK_IDEMPOTENCY_KEY_REUSED = 1,
	LK_WRONG_CREDENTIALS = 2,
	LK_REFRESH_TOKEN_UNKNOWN = 3,
	LK_REFRESH_TOKEN_REUSED = 4,
	LK_TOO_MANY_ATTEMPTS = 5,
	LK_SUBJECT_REFUSED = 6,
	LK_SUBJECT_LACKS_PERMISSION = 7,
	LK_PLAN_REQUIRED = 8,
};

struct lk_status {
	enum lk_code code;
	uint32_t retry_ms; /* wait this long before the next try; 0: nothing is promised */
	const char *why;   /* NULL exactly when code is LK_OK */
	const char *field; /* the request field at fault, or NULL */
	enum lk_error_reason reason;
};

#define LK_SUCCESS ((struct lk_status) { .code = LK_OK })
#define LK_ERR(code_, why_) ((struct lk_status) { .code = (code_), .why = (why_) })

/* INVALID_ARGUMENT about one request field, named as in the schema. */
#define LK_BAD_FIELD(field_, why_) \
	((struct lk_status) { .code = LK_INVALID_ARGUMENT, .why = (why_), .field = (field_) })

/* Returns from the caller on any status but OK. Only in functions that own nothing. */
#define LK_TRY(expression) \
	do { \
		struct lk_status lk_try_ = (expression); \
		if (lk_try_.code != LK_OK) \
			return lk_try_; \
	} while (0)

/* "NOT_FOUND" and so on; "UNKNOWN" for a number outside the table. */
const char *lk_code_name(enum lk_code code);

/* The HTTP status of google.rpc.Code's table. */
int lk_code_http(enum lk_code code);

/* The code with this number, or LK_UNKNOWN for one that is not in the table. */
enum lk_code lk_code_from_number(unsigned number);
