/* SPDX-License-Identifier: MIT */
/* Route rules: which requests of a product are let through, and what each asks of its caller.
 *
 * They are for proxies and services that hand a request's method and path to Authenticate. The
 * first rule that fits a request is the one that counts; what no rule is for is refused.
 */
#pragma once

#include "server/core/permset.h"

#define LK_ROUTES_MAX 256
#define LK_WORDS_MAX 16
#define LK_PLAN_MAX 64

/* What kind of credential somebody comes with; the numbers of latchkey.v1.PrincipalKind. */
enum lk_caller_kind {
	LK_CALLER_NOBODY = 0, /* whoever takes a public route */
	LK_CALLER_KEY = 1,
	LK_CALLER_SESSION = 2,
	LK_CALLER_STATIC_KEY = 3, /* from the configuration */
	LK_CALLER_ADDRESS = 4,    /* without a credential, from a listed address */
	LK_CALLER_BYOK = 5,       /* with a provider's key alone */
	LK_CALLER_EXTERNAL = 6,   /* with a token of another issuer */
	LK_CALLER_WEBHOOK = 7,    /* with a signature over the body */
};

#define LK_CALLER_BIT(caller) (UINT32_C(1) << (caller))

/* Those whom a rule lets through that says nothing of callers. */
#define LK_CALLERS_DEFAULT \
	(LK_CALLER_BIT(LK_CALLER_KEY) | LK_CALLER_BIT(LK_CALLER_SESSION) | \
		LK_CALLER_BIT(LK_CALLER_STATIC_KEY) | LK_CALLER_BIT(LK_CALLER_ADDRESS) | \
		LK_CALLER_BIT(LK_CALLER_EXTERNAL))

/* Names of plans, or of providers. */
struct lk_word_list {
	size_t n;
	char items[LK_WORDS_MAX][LK_PLAN_MAX + 1];
};

/* False when there are too many, or one that is empty or too long. */
bool lk_words_set(struct lk_word_list *list, const char *const *words, size_t n);

/* Whether it is one of them. */
bool lk_words_have(const struct lk_word_list *list, const char *word);

/* Where a request says for which user its caller asks. */
enum lk_on_behalf_of {
	LK_ON_BEHALF_NOWHERE = 0,
	LK_ON_BEHALF_HEADER,         /* X-User-Id */
	LK_ON_BEHALF_HEADER_OR_BODY, /* `userId` of a JSON body comes before it */
};

/* A rule as the configuration has it; borrowed for the call. */
struct lk_route_spec {
	const char *path;               /* absolute; a final `*` if it is a prefix */
	uint32_t methods;               /* of lk_method_bit; HEAD is there when GET is */
	const char *const *permissions; /* all are needed */
	size_t n_permissions;
	uint32_t callers;         /* of LK_CALLER_BIT */
	const char *const *plans; /* the organisation has one of them */
	size_t n_plans;
	bool organization;       /* the caller belongs to one */
	const char *const *byok; /* providers whose keys it takes, also without ours */
	size_t n_byok;
	enum lk_on_behalf_of on_behalf_of;
	bool is_webhook; /* for whoever signs with the secret; then the rest is empty */
	struct lk_bytes webhook_secret;
	bool is_public; /* for everybody; then the rest is empty */
};

struct lk_route {
	char *path; /* without the `*` */
	size_t path_n;
	bool is_prefix;
	bool is_public;
	bool needs_organization;
	uint32_t methods;
	uint32_t callers;
	struct lk_permset permissions;
	struct lk_word_list plans;
	struct lk_word_list byok;
	enum lk_on_behalf_of on_behalf_of;
	struct lk_bytes webhook_secret; /* of its own; empty: it is no webhook */
};

struct lk_routes {
	size_t n;
	bool has_byok; /* one of them takes providers' keys; else nobody looks at such */
	struct lk_route items[];
};

/* The bit of a method; of HEAD and OPTIONS, too, and one for all methods that have no bit of their
 * own. */
uint32_t lk_method_bit(struct lk_bytes method);

/* Whether it is a method with a bit of its own. */
bool lk_method_is_known(struct lk_bytes method);

/* An absolute path that has one meaning, with a `*` at its end or without. */
bool lk_route_path_is_valid(const char *path);

/* Whether it asks anything of its caller. */
bool lk_route_asks(const struct lk_route_spec *spec);

/* Whether all that fits `later` fits `earlier`, too, so that it would be of no effect. */
bool lk_route_covers(const struct lk_route_spec *earlier, const struct lk_route_spec *later);

/* Compiles rules. NULL for none.
 *
 * LK_INVALID_ARGUMENT    field `routes`
 * LK_RESOURCE_EXHAUSTED  short of memory
 */
LK_MUST_USE struct lk_status lk_routes_new(const struct lk_catalog *catalog,
	const struct lk_route_spec *specs, size_t n, struct lk_routes **routes_out);

/* NULL is allowed. */
void lk_routes_free(struct lk_routes *routes);

/* The first rule that fits, or NULL. A path is compared byte by byte, a method as it is spelt. */
const struct lk_route *lk_routes_find(
	const struct lk_routes *routes, struct lk_bytes method, struct lk_bytes path);
