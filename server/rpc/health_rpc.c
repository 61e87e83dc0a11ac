/* SPDX-License-Identifier: MIT */
/* HealthService, after grpc.health.v1. */
#include <string.h>

#include "latchkey/v1/health.rpc.h"
#include "server/rpc/services.h"

static bool has_service(const struct lk_services *services, const char *name)
{
	for (size_t i = 0; i < LK_SERVICES_N; i++)
		if (strcmp(services->bindings[i].service->name, name) == 0)
			return true;
	return false;
}

static struct lk_status check(struct lk_call *call, const lk_health_check_request *request,
	lk_health_check_response *response)
{
	static char version[] = LK_VERSION;
	const struct lk_services *services = call->context;

	if (*request->service != '\0' && !has_service(services, request->service))
		return (struct lk_status) { .code = LK_NOT_FOUND,
			.why = "this server does not have that service",
			.field = "service" };
	response->status = lk_server_is_draining(services->server) ? LK_SERVING_STATUS_NOT_SERVING
								   : LK_SERVING_STATUS_SERVING;
	response->writable = lk_committer_is_writable(services->committer);
	response->version = version;
	return LK_SUCCESS;
}

const struct lk_health_service_handlers lk_health_handlers = {
	.check = check,
};
