/* SPDX-License-Identifier: MIT */
/* Generated code at work: the tables and functions of a REST surface. argv[1] is its document. */
#include <stdio.h>

#include "latchkey/rest/incrm.rpc.h"
#include "tests/support/check.h"

/* What the bridge would define. */
struct lk_rest_call {
	const ProtobufCMessage *handled;
	const ProtobufCMessage *answered;
	bool was_not_served;
};

void lk_rest_answer(struct lk_rest_call *call, const ProtobufCMessage *response)
{
	call->answered = response;
}

void lk_rest_not_served(struct lk_rest_call *call)
{
	call->was_not_served = true;
}

static incrm_get_api_key_response found = INCRM_GET_API_KEY_RESPONSE_INIT;

static void get_api_key(struct lk_rest_call *call, const incrm_get_api_key_request *request)
{
	call->handled = &request->base;
	incrm_surface_get_api_key_answer(call, &found);
}

static const struct incrm_surface_handlers handlers = { .get_api_key = get_api_key };

static const char *document_path;

TEST(a_route_calls_its_handler_which_answers)
{
	const struct lk_rest_route *route = &incrm_surface.routes[INCRM_SURFACE_GET_API_KEY];
	incrm_get_api_key_request request = INCRM_GET_API_KEY_REQUEST_INIT;
	struct lk_rest_call call = { 0 };

	route->serve(&handlers, &call, &request.base);
	CHECK(call.handled == &request.base);
	CHECK(call.answered == &found.base);
	CHECK(!call.was_not_served);
}

TEST(a_route_without_a_handler_is_not_served)
{
	const struct lk_rest_route *route = &incrm_surface.routes[INCRM_SURFACE_SIGN_IN];
	incrm_sign_in_request request = INCRM_SIGN_IN_REQUEST_INIT;
	struct lk_rest_call call = { 0 };

	route->serve(&handlers, &call, &request.base);
	CHECK(call.was_not_served);
	CHECK(call.answered == NULL);
}

TEST(a_route_is_found_by_the_number_of_its_method)
{
	const struct lk_rest_route *route = &incrm_surface.routes[INCRM_SURFACE_CREATE_API_KEY];

	CHECK_EQ(incrm_surface.n_routes, INCRM_SURFACE_REVOKE_API_KEY + 1);
	CHECK_STR(route->name, "CreateApiKey");
	CHECK_EQ(route->verb, LK_REST_POST);
	CHECK_EQ(route->status, 201);
	CHECK_EQ(route->caller, LK_REST_SESSION);
	CHECK(route->has_body);
	CHECK(route->request == &incrm__v1__create_api_key_request__descriptor);
	CHECK(route->response == &incrm__v1__create_api_key_response__descriptor);
}

TEST(the_document_in_the_program_is_the_document_beside_it)
{
	static char text[256 * 1024];
	FILE *in = fopen(document_path, "rb");
	size_t n;

	CHECK(in != NULL);
	n = fread(text, 1, sizeof text - 1, in);
	CHECK_EQ(fclose(in), 0);
	text[n] = '\0';
	CHECK_STR(incrm_surface.openapi, text);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(a_route_calls_its_handler_which_answers),
		RUN(a_route_without_a_handler_is_not_served),
		RUN(a_route_is_found_by_the_number_of_its_method),
		RUN(the_document_in_the_program_is_the_document_beside_it),
	};

	if (argc != 2)
		return 1;
	document_path = argv[1];
	return RUN_ALL(tests);
}
