/* SPDX-License-Identifier: MIT */
/* JWK Sets, and what their keys have signed. */
#include <stdio.h>

#include "server/crypto/crypto.h"
#include "server/crypto/sign.h"
#include "server/rpc/key_sources.h"
#include "tests/support/check.h"

/* RFC 7515, appendix A.3. */
#define X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define SIGNED \
	"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt" \
	"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define SIGNATURE \
	"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define KEY "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\""
#define SET "{\"keys\":[" KEY ",\"kid\":\"a\"}]}"

struct fixture {
	struct lk_key_sources *sources;
	struct lk_key_source *source;
};

static void start(struct fixture *f)
{
	CHECK_OK(lk_key_sources_new(&f->sources));
	CHECK_OK(lk_key_sources_get(f->sources, "file", &f->source));
}

static struct lk_status set(struct fixture *f, const char *text)
{
	return lk_key_source_set(f->source, lk_bytes_of(text));
}

static bool verify(struct fixture *f, const char *algorithm, const char *kid, const char *message)
{
	uint8_t room[LK_RSA_MAX];
	struct lk_bytes signature = { room, 0 };

	CHECK(lk_base64url_decode(lk_bytes_of(SIGNATURE), room, sizeof room, &signature.n));
	return lk_key_source_verify(f->source, algorithm, kid, lk_bytes_of(message), signature);
}

TEST(the_example_of_rfc_7515_verifies)
{
	struct fixture f;

	start(&f);
	CHECK(!verify(&f, "ES256", "a", SIGNED));
	CHECK_OK(set(&f, SET));
	CHECK(verify(&f, "ES256", "a", SIGNED));
	CHECK(verify(&f, "ES256", "", SIGNED));
	CHECK(!verify(&f, "ES256", "a", SIGNED "x"));
	CHECK(!verify(&f, "RS256", "a", SIGNED));
	CHECK(!verify(&f, "HS256", "a", SIGNED));
	lk_key_sources_free(f.sources);
}

TEST(signatures_of_other_lengths_are_none)
{
	static const uint8_t bytes[LK_RSA_MAX] = { 1 };
	struct fixture f;

	start(&f);
	CHECK_OK(set(&f, SET));
	for (size_t n = 0; n <= sizeof bytes; n++)
		CHECK(!lk_key_source_verify(f.source, "ES256", "a", lk_bytes_of(SIGNED),
			(struct lk_bytes) { bytes, n }));
	lk_key_sources_free(f.sources);
}

TEST(an_id_that_is_not_there_makes_new_keys_wanted)
{
	struct fixture f;

	start(&f);
	CHECK_OK(set(&f, SET));
	CHECK(verify(&f, "ES256", "a", SIGNED));
	CHECK(!lk_key_source_is_wanted(f.source));
	CHECK(!verify(&f, "ES256", "b", SIGNED));
	CHECK(lk_key_source_is_wanted(f.source));
	CHECK(!lk_key_source_is_wanted(f.source));
	lk_key_sources_free(f.sources);
}

TEST(what_is_no_set_leaves_the_keys_as_they_are)
{
	static const char *const texts[] = { "", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}",
		"{\"keys\":[1,null,{}]}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}",
		"{\"keys\":[" KEY ",\"use\":\"enc\"}]}", "{\"keys\":[" KEY ",\"alg\":\"ES384\"}]}",
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" X "\"}]}",
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}",
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X "\",\"y\":\"" Y "\"}]}",
		"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}" };
	struct fixture f;

	start(&f);
	CHECK_OK(set(&f, SET));
	for (size_t i = 0; i < LK_COUNT(texts); i++) {
		CHECK_CODE(set(&f, texts[i]), LK_INVALID_ARGUMENT);
		CHECK(verify(&f, "ES256", "a", SIGNED));
	}
	CHECK_OK(set(&f, "{\"keys\":[" KEY ",\"kid\":\"b\",\"use\":\"sig\",\"alg\":\"ES256\"}]}"));
	CHECK(!verify(&f, "ES256", "a", SIGNED));
	CHECK(verify(&f, "ES256", "b", SIGNED));
	lk_key_sources_free(f.sources);
}

TEST(a_location_is_one_source)
{
	struct lk_key_source *other;
	struct fixture f;
	char name[16];

	start(&f);
	CHECK_OK(lk_key_sources_get(f.sources, "file", &other));
	CHECK(other == f.source);
	for (int i = 1; i < LK_KEY_SOURCES_MAX; i++) {
		snprintf(name, sizeof name, "file%d", i);
		CHECK_OK(lk_key_sources_get(f.sources, name, &other));
		CHECK(other != f.source);
	}
	CHECK_CODE(lk_key_sources_get(f.sources, "one more", &other), LK_RESOURCE_EXHAUSTED);
	CHECK(lk_key_sources_at(f.sources, LK_KEY_SOURCES_MAX) == NULL);
	lk_key_sources_free(f.sources);
}

static int set_up(void **state)
{
	(void)state;
	return lk_crypto_init().code == LK_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(the_example_of_rfc_7515_verifies),
		RUN(signatures_of_other_lengths_are_none),
		RUN(an_id_that_is_not_there_makes_new_keys_wanted),
		RUN(what_is_no_set_leaves_the_keys_as_they_are),
		RUN(a_location_is_one_source),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
