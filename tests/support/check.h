/* SPDX-License-Identifier: MIT */
/* The words of our tests, over cmocka: a test is one behaviour, its name a sentence. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/wire/status.h"

#define TEST(name) static void name(__attribute__((unused)) void **state_)
#define RUN(name) cmocka_unit_test(name)
#define RUN_ALL(tests) cmocka_run_group_tests(tests, NULL, NULL)

#define CHECK(condition) assert_true(condition)
#define CHECK_EQ(a, b) assert_int_equal(a, b)
#define CHECK_STR(a, b) assert_string_equal(a, b)
#define CHECK_MEM(a, b, n) assert_memory_equal(a, b, n)

/* A status with this code; on failure the message shows both codes and the text. */
#define CHECK_CODE(status, expected) check_code((status), (expected), #status, __FILE__, __LINE__)
#define CHECK_OK(status) CHECK_CODE(status, LK_OK)

static inline void check_code(struct lk_status status, enum lk_code expected, const char *what,
	const char *file, int line)
{
	if (status.code == expected)
		return;
	print_error("%s: %s (%s), expected %s\n", what, lk_code_name(status.code),
		status.why != NULL ? status.why : "", lk_code_name(expected));
	_fail(file, line);
}
