/* SPDX-License-Identifier: MIT */
#include "proto/wire/status.h"

static const struct {
	const char *name;
	int http;
} codes[] = {
#define LK_CODE(name, number, http) [number] = { #name, http },
#include "proto/wire/status.def"
#undef LK_CODE
};

enum lk_code lk_code_from_number(unsigned number)
{
	return number < LK_COUNT(codes) ? (enum lk_code)number : LK_UNKNOWN;
}

const char *lk_code_name(enum lk_code code)
{
	return codes[lk_code_from_number((unsigned)code)].name;
}

int lk_code_http(enum lk_code code)
{
	return codes[lk_code_from_number((unsigned)code)].http;
}
