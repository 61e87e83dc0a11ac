/* SPDX-License-Identifier: MIT */
/* ReflectionService: the schema that this program was built from. */
#include "latchkey/v1/reflection.rpc.h"
#include "server/rpc/services.h"

static struct lk_status get_descriptors(struct lk_call *call,
	const lk_get_descriptors_request *request, lk_get_descriptors_response *response)
{
	struct lk_services *services = call->context;

	(void)request;
	response->file_descriptor_set.data = (uint8_t *)(uintptr_t)services->descriptor_set.data;
	response->file_descriptor_set.len = services->descriptor_set.n;
	return LK_SUCCESS;
}

const struct lk_reflection_service_handlers lk_reflection_handlers = {
	.get_descriptors = get_descriptors,
};
