/* SPDX-License-Identifier: MIT */
/* health. */
#include "client/cli/cli.h"
#include "client/cli/table.h"
#include "client/cli/values.h"
#include "latchkey/v1/health.rpc.h"

static void print_health(struct lk_cli *cli, const lk_health_check_response *response)
{
	char status[LK_VALUE_ROOM];

	lk_value_enum_print(
		&latchkey__v1__serving_status__descriptor, (int)response->status, status);
	printf("%-16s %s\n", "Status", status);
	printf("%-16s %s\n", "Writable", response->writable ? "yes" : "no");
	if (response->version[0] != '\0')
		printf("%-16s %s\n", "Version", lk_text_safe(&cli->arena, response->version));
}

enum lk_exit lk_run_health(struct lk_cli *cli, int argc, char **argv)
{
	static const struct lk_syntax syntax = {
		.arguments = "[SERVICE]",
		.n_arguments_max = 1,
		.help = "Asks whether the server, or one of its services, serves. Exits with 0 "
			"when it does and with 1 when it answers that it does not.\v"
			"Example:\n"
			"  latchkey health --server tcp://127.0.0.1:8070 --timeout 2s\n",
	};
	lk_health_check_request *request =
		lk_cli_message(cli, &latchkey__v1__health_check_request__descriptor);
	lk_health_check_response *response;
	struct lk_call_options options;
	struct lk_status st;
	enum lk_exit code;

	lk_cli_parse(cli, &syntax, NULL, argc, argv);
	if (cli->n_arguments > 0)
		request->service = cli->arguments[0];
	code = lk_cli_connect(cli);
	if (code != LK_EXIT_OK)
		return code;
	options = lk_cli_call_options(cli);
	st = lk_health_service_check(cli->channel, &options, request, &cli->arena, &response);
	if (st.code != LK_OK)
		return lk_cli_report(cli, st);
	if (!cli->json)
		print_health(cli, response);
	else if (lk_cli_print_json(cli, &response->base) != LK_EXIT_OK)
		return LK_EXIT_FAILED;
	return response->status == LK_SERVING_STATUS_SERVING ? LK_EXIT_OK : LK_EXIT_NO;
}
