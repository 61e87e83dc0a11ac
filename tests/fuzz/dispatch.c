/* SPDX-License-Identifier: MIT */
/* A request frame into the server's dispatch, with the echo service in every lane behind it.
 *
 * Input: one byte, odd for the operator's socket, then the frame. Invariants: those of
 * fuzz_serve.
 */
#include "tests/fuzz/serving.h"
#include "tests/support/echo.h"

static struct fuzz_served served;

static void start(void)
{
	const struct lk_server_options options = echo_options();

	served.bindings = &echo_binding;
	served.n_bindings = 1;
	FUZZ_OK(lk_server_new(&options, &served.server));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lk_bytes frame = { data, n };
	bool is_operator = fuzz_choice(&frame, 2) == 1;

	if (served.server == NULL)
		start();
	fuzz_serve(&served, frame, is_operator);
	return 0;
}
