/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "server/core/access_token.h"
#include "server/crypto/seal.h"
#include "tests/support/check.h"

#define NOW ((lk_time_ms)1767225600000) /* 2026-01-01T00:00:00Z */
#define ISSUER "https://id.example/crm"
#define AUDIENCE "crm"
#define KID "sig_01tRy6czI6jAOLpZvq3hw1" /* 16 times the byte 1 */

/* What the tests turn. */
static struct lk_realm realm;
static struct lk_keyring keyring;
static const struct lk_peppers peppers = { .items = { { 1, { 42 } } }, .n = 1 };

static const uint8_t seed[LK_SIGN_SEED_SIZE] = { 1, 2, 3 };

/* A record of the key with 16 times `byte` as its id and the seed above. */
static void add_signer(uint8_t byte, enum lk_sign_algorithm algorithm, lk_time_ms expires_ms)
{
	uint8_t sealed[LK_SIGN_SEED_SIZE + LK_SEAL_OVERHEAD];
	struct lk_signing_key_record record = { .realm = lk_bytes_of(realm.name),
		.algorithm = algorithm,
		.sealed = { sealed, sizeof sealed },
		.pepper_id = 1,
		.created_ms = NOW,
		.expires_ms = expires_ms };
	struct lk_seal_key key = { .pepper = &peppers.items[0], .purpose = "signing key" };
	struct lk_row row;

	memset(record.id.bytes, byte, sizeof record.id.bytes);
	row = lk_row_of_signing_key(record.realm, &record.id);
	key.context = lk_row_bytes(&row);
	lk_seal(&key, (struct lk_bytes) { seed, sizeof seed }, sealed);
	CHECK_OK(lk_keyring_add(&keyring, &peppers, &record));
}

static void set_realm(const char *issuer, const char *audience)
{
	snprintf(realm.name, sizeof realm.name, "crm");
	snprintf(realm.issuer, sizeof realm.issuer, "%s", issuer);
	snprintf(realm.audience, sizeof realm.audience, "%s", audience);
}

static int set_up(void **state_)
{
	return lk_crypto_init().code == LK_OK ? 0 : 1;
}

/* A realm with one key that signs. */
static void use(enum lk_sign_algorithm algorithm)
{
	set_realm(ISSUER, AUDIENCE);
	keyring = (struct lk_keyring) { .generation = 7 };
	add_signer(1, algorithm, 0);
}

static int set_eddsa(void **state_)
{
	use(LK_SIGN_EDDSA);
	return 0;
}

static int set_hs256(void **state_)
{
	use(LK_SIGN_HS256);
	return 0;
}

static struct lk_access_claims claims_now(void)
{
	return (struct lk_access_claims) { &realm, { { 2 } }, { { 3 } }, NOW + 999, NOW + 600999 };
}

static void make(char token_out[LK_ACCESS_TOKEN_SIZE])
{
	struct lk_access_claims claims = claims_now();

	lk_access_token_make(&keyring.signers[0], &claims, token_out);
}

static bool proves(struct lk_bytes token)
{
	struct lk_proof proof;

	return lk_access_token_prove(&keyring, &realm, token, &proof);
}

/* A token with this header and payload, signed rightly by the first key. */
static bool is_proven_signed(const char *header, const char *payload)
{
	static char token[4096];
	uint8_t signature[LK_SIGNATURE_MAX];
	struct lk_bytes message = { (const uint8_t *)token, 0 };
	size_t n;

	CHECK(strlen(header) + strlen(payload) < 2048);
	n = lk_base64url_encode(lk_bytes_of(header), token);
	token[n++] = '.';
	n += lk_base64url_encode(lk_bytes_of(payload), token + n);
	message.n = n;
	token[n++] = '.';
	n += lk_base64url_encode((struct lk_bytes) { signature,
					 lk_sign(&keyring.signers[0].key, message, signature) },
		token + n);
	return proves((struct lk_bytes) { (const uint8_t *)token, n });
}

#define HEADER "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}"
#define USER "user_01tRy6czI6jAOLpZvq3hw1"
#define SESSION "ses_01tRy6czI6jAOLpZvq3hw1"
#define FRONT \
	"{\"iss\":\"" ISSUER "\",\"sub\":\"" USER "\",\"aud\":\"" AUDIENCE "\",\"sid\":\"" SESSION \
	"\""
#define PAYLOAD FRONT ",\"jti\":\"01tRy6czI6jAOLpZvq3hw1\",\"iat\":1767225600,\"exp\":1767226200}"

TEST(a_token_proves_its_session_until_its_expiry)
{
	char token[LK_ACCESS_TOKEN_SIZE];
	struct lk_proof proof;

	make(token);
	CHECK(lk_access_token_prove(&keyring, &realm, lk_bytes_of(token), &proof));
	CHECK_EQ(proof.generation, 7);
	CHECK_EQ(proof.session_id.bytes[0], 3);
	CHECK_EQ(proof.expires_ms, NOW + 600000);
	CHECK_EQ(proof.signer_expires_ms, INT64_MAX);
}

TEST(a_token_is_laid_out_as_documented)
{
	char token[LK_ACCESS_TOKEN_SIZE], expected[1024];
	uint8_t bytes[1024];
	char *payload, *jti;
	size_t n;

	make(token);
	payload = strchr(token, '.') + 1;
	CHECK(lk_base64url_decode(
		(struct lk_bytes) { (uint8_t *)token, (size_t)(payload - 1 - token) }, bytes,
		sizeof bytes, &n));
	CHECK_EQ(n, strlen(HEADER));
	CHECK_MEM(bytes, HEADER, n);
	CHECK(lk_base64url_decode(
		(struct lk_bytes) { (uint8_t *)payload, (size_t)(strchr(payload, '.') - payload) },
		bytes, sizeof bytes - 1, &n));
	bytes[n] = '\0';
	jti = strstr((char *)bytes, "\"jti\":\"");
	CHECK(jti != NULL);
	snprintf(expected, sizeof expected,
		"{\"iss\":\"" ISSUER "\",\"sub\":\"user_03lz30bx8Su4idcKizZTt2\",\"aud\":\"crm\","
		"\"sid\":\"ses_05eyZVuvhhM74xQV5UMDpY\",\"jti\":\"%.22s\",\"iat\":1767225600,"
		"\"exp\":1767226200}",
		jti + 7);
	CHECK_STR((char *)bytes, expected);
}

TEST(each_token_has_an_id_of_its_own)
{
	char one[LK_ACCESS_TOKEN_SIZE], two[LK_ACCESS_TOKEN_SIZE];

	make(one);
	make(two);
	CHECK(strcmp(one, two) != 0);
}

TEST(the_longest_names_fit)
{
	char name[LK_TOKEN_NAME_MAX + 1] = { 0 }, token[LK_ACCESS_TOKEN_SIZE];
	struct lk_access_claims claims = claims_now();

	memset(name, 'n', sizeof name - 1);
	set_realm(name, name);
	memset(&claims.user_id, 0xff, sizeof claims.user_id);
	memset(&claims.session_id, 0xff, sizeof claims.session_id);
	claims.issued_ms = claims.expires_ms = (lk_time_ms)999999999999 * 1000;
	lk_access_token_make(&keyring.signers[0], &claims, token);
	CHECK(proves(lk_bytes_of(token)));
}

TEST(a_token_with_any_bit_changed_is_refused)
{
	char token[LK_ACCESS_TOKEN_SIZE];
	struct lk_bytes bytes;

	make(token);
	bytes = lk_bytes_of(token);
	CHECK(proves(bytes));
	for (size_t at = 0; at < bytes.n; at++)
		for (int bit = 1; bit < 256; bit *= 2) {
			token[at] = (char)(token[at] ^ bit);
			CHECK(!proves(bytes));
			token[at] = (char)(token[at] ^ bit);
		}
	CHECK(proves(bytes));
}

TEST(a_token_with_anything_cut_off_or_added_is_refused)
{
	char token[LK_ACCESS_TOKEN_SIZE + 8] = { 0 };
	size_t n;

	make(token);
	n = strlen(token);
	for (size_t i = 0; i < n; i++) {
		CHECK(!proves((struct lk_bytes) { (uint8_t *)token, i }));
		CHECK(!proves((struct lk_bytes) { (uint8_t *)token + n - i, i }));
	}
	for (int c = 0; c < 256; c++) {
		token[n] = (char)c;
		CHECK(!proves((struct lk_bytes) { (uint8_t *)token, n + 1 }));
	}
}

TEST(a_text_of_another_number_of_parts_is_refused)
{
	/* Of a token's own parts: h, p, s. */
	static const char *const forms[] = { "", ".", "..", "...", "....", "h", "h.p", "h.s", "p.s",
		"h..s", ".p.s", "h.p.", "h.p.s.", ".h.p.s", "h.p.s.s", "h.p.s.p.s", "h..p.s",
		"h.p..s", "h.p.s..", "hp.s", "h.ps", "p.h.s" };
	char token[LK_ACCESS_TOKEN_SIZE], text[4 * LK_ACCESS_TOKEN_SIZE];
	char *payload, *signature;

	make(token);
	payload = strchr(token, '.');
	*payload++ = '\0';
	signature = strchr(payload, '.');
	*signature++ = '\0';
	for (size_t i = 0; i < LK_COUNT(forms); i++) {
		size_t n = 0;

		for (const char *c = forms[i]; *c != '\0'; c++)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s",
				*c == 'h'   ? token
				: *c == 'p' ? payload
				: *c == 's' ? signature
					    : ".");
		CHECK(!proves((struct lk_bytes) { (uint8_t *)text, n }));
	}
}

TEST(a_huge_text_is_refused)
{
	size_t n = (size_t)8 * 1024 * 1024;
	char *text = malloc(n);

	CHECK(text != NULL);
	memset(text, '.', n);
	CHECK(!proves((struct lk_bytes) { (uint8_t *)text, n }));
	memset(text, 'e', n);
	CHECK(!proves((struct lk_bytes) { (uint8_t *)text, n }));
	make(text);
	memset(text + strlen(text), 'A', LK_ACCESS_TOKEN_SIZE);
	CHECK(!proves((struct lk_bytes) { (uint8_t *)text, n }));
	free(text);
}

/* Signed with the right key, as only we could: even so only the one header is taken. */
TEST(no_header_but_that_of_a_key_is_believed)
{
	static const char *const headers[] = { "", "{}", "[]", "1", "null", "\"EdDSA\"",
		"{\"alg\":\"none\"}", "{\"alg\":\"None\"}", "{\"alg\":\"nOnE\"}",
		"{\"alg\":\"NONE\"}", "{\"alg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":null,\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":1,\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":[\"EdDSA\"],\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"EdDSA \",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"eddsa\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"PS256\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"EdDSA\",\"kid\":\"" KID "\"}", "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"AT+JWT\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"application/at+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"refresh+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":[\"" KID "\"]}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"../../etc/passwd\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"' OR 1=1--\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"sig_01tRy6czI6jAOLpZvq3hw2\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\\u0000\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID
		"\",\"jwk\":{\"kty\":\"OKP\"}}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\",\"jku\":\"http://a\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\",\"x5u\":\"http://a\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\",\"x5c\":[]}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\",\"crit\":[]}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\",\"crit\":[\"b64\"]}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\",\"crit\":[\"exp\"]}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\",\"b64\":false}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\",\"zip\":\"DEF\"}",
		"{\"alg\":\"EdDSA\",\"enc\":\"A256GCM\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\",\"kid\":\"" KID "\"}",
		"{\"alg\":\"none\",\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}",
		"{\"typ\":\"at+jwt\",\"alg\":\"EdDSA\",\"kid\":\"" KID "\"}", HEADER " ",
		" " HEADER, "{ \"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}" };

	CHECK(is_proven_signed(HEADER, PAYLOAD));
	for (size_t i = 0; i < LK_COUNT(headers); i++)
		if (is_proven_signed(headers[i], PAYLOAD))
			fail_msg("%s is believed", headers[i]);
}

/* What else a key of ours might ever sign is no access token. */
TEST(no_claims_but_those_of_an_access_token_are_believed)
{
#define WITH_TIMES(iat, exp) \
	FRONT ",\"jti\":\"01tRy6czI6jAOLpZvq3hw1\",\"iat\":" iat ",\"exp\":" exp "}"
	static const char *const payloads[] = { "", "{}", "[]", PAYLOAD " ", " " PAYLOAD,
		PAYLOAD PAYLOAD, FRONT "}", "{\"purpose\":\"email verification\"," PAYLOAD,
		WITH_TIMES("1", "\"1700000000\""), WITH_TIMES("1", "1e400"), WITH_TIMES("1", "-1"),
		WITH_TIMES("1", "NaN"), WITH_TIMES("1", "9223372036854775808"),
		WITH_TIMES("1", "1000000000000"), WITH_TIMES("1", "1.5"), WITH_TIMES("1", "01"),
		WITH_TIMES("1", "+1"), WITH_TIMES("1", " 1"), WITH_TIMES("1", ""),
		WITH_TIMES("", "1"), WITH_TIMES("-1", "1"), WITH_TIMES("1", "1,\"nbf\":1"),
		WITH_TIMES("1", "1,\"exp\":9999999999"), WITH_TIMES("1", "1,\"sub\":\"" USER "\""),
		FRONT ",\"jti\":\"01tRy6czI6jAOLpZvq3hw1\",\"iat\":1}",
		FRONT ",\"jti\":\"01tRy6czI6jAOLpZvq3hw1\",\"exp\":1,\"iat\":1}",
		FRONT ",\"jti\":\"01tRy6czI6jAOLpZvq3hw\",\"iat\":1,\"exp\":1}",
		FRONT ",\"jti\":\"zzzzzzzzzzzzzzzzzzzzzz\",\"iat\":1,\"exp\":1}",
		FRONT ",\"jti\":\"\",\"iat\":1,\"exp\":1}",
		FRONT "\0,\"jti\":\"01tRy6czI6jAOLpZvq3hw1\",\"iat\":1,\"exp\":1}" };

	CHECK(is_proven_signed(HEADER, PAYLOAD));
	CHECK(is_proven_signed(HEADER, WITH_TIMES("0", "999999999999")));
	for (size_t i = 0; i < LK_COUNT(payloads); i++)
		if (is_proven_signed(HEADER, payloads[i]))
			fail_msg("%s is believed", payloads[i]);
#undef WITH_TIMES
}

TEST(a_signed_payload_with_any_byte_left_out_or_doubled_is_refused)
{
	static const char sound[] = PAYLOAD;
	size_t times = (size_t)(strstr(sound, "\"iat\"") - sound);
	char payload[sizeof sound + 1];

	for (size_t at = 0; at < sizeof sound - 1; at++) {
		/* That makes another time of it. */
		bool is_digit = at > times && sound[at] >= '0' && sound[at] <= '9';

		memcpy(payload, sound, at);
		memcpy(payload + at, sound + at + 1, sizeof sound - at - 1);
		CHECK_EQ(is_proven_signed(HEADER, payload), is_digit);
		memcpy(payload, sound, at + 1);
		memcpy(payload + at + 1, sound + at, sizeof sound - at);
		CHECK_EQ(is_proven_signed(HEADER, payload), is_digit);
	}
}

TEST(a_token_is_for_one_issuer_and_one_audience)
{
	static const char *const names[][2] = { { ISSUER, "crm2" }, { ISSUER, "cr" },
		{ ISSUER, "CRM" }, { ISSUER, "" }, { ISSUER "/", AUDIENCE },
		{ "https://id.example", AUDIENCE }, { "", AUDIENCE }, { AUDIENCE, ISSUER } };
	char token[LK_ACCESS_TOKEN_SIZE];

	make(token);
	for (size_t i = 0; i < LK_COUNT(names); i++) {
		set_realm(names[i][0], names[i][1]);
		CHECK(!proves(lk_bytes_of(token)));
	}
	set_realm(ISSUER, AUDIENCE);
	CHECK(proves(lk_bytes_of(token)));
	CHECK(!is_proven_signed(HEADER,
		"{\"iss\":\"" ISSUER "\",\"sub\":\"" USER "\",\"aud\":[\"" AUDIENCE
		"\"],\"sid\":\"" SESSION
		"\",\"jti\":\"01tRy6czI6jAOLpZvq3hw1\",\"iat\":1,\"exp\":1}"));
}

/* The confusion of algorithms: HMAC under what everybody knows. */
TEST(a_public_key_is_no_secret_to_sign_with)
{
	static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"" KID "\"}";
	struct lk_sign_key eddsa = keyring.signers[0].key, hmac;
	uint8_t guesses[3][LK_SIGN_SEED_SIZE] = { { 0 } };

	memcpy(guesses[0], eddsa.public_key, sizeof guesses[0]);
	memcpy(guesses[1], KID, sizeof KID - 1);
	for (size_t i = 0; i < LK_COUNT(guesses); i++) {
		lk_sign_key_derive(LK_SIGN_HS256, guesses[i], &hmac);
		for (size_t j = 0; j < 2; j++) {
			char text[LK_ACCESS_TOKEN_SIZE];
			uint8_t mac[LK_SIGNATURE_MAX];
			size_t n = lk_base64url_encode(lk_bytes_of(j == 0 ? header : HEADER), text);

			text[n++] = '.';
			n += lk_base64url_encode(lk_bytes_of(PAYLOAD), text + n);
			lk_sign(&hmac, (struct lk_bytes) { (uint8_t *)text, n }, mac);
			text[n++] = '.';
			n += lk_base64url_encode((struct lk_bytes) { mac, 32 }, text + n);
			CHECK(!proves((struct lk_bytes) { (uint8_t *)text, n }));
		}
	}
}

TEST(every_key_of_the_ring_verifies_and_tells_until_when)
{
	char old[LK_ACCESS_TOKEN_SIZE], new[LK_ACCESS_TOKEN_SIZE];
	struct lk_key_id former;
	struct lk_proof proof;

	make(old);
	former = keyring.signers[0].id;
	add_signer(2, LK_SIGN_HS256, 0);
	add_signer(1, LK_SIGN_EDDSA, NOW + 5);
	CHECK_EQ(keyring.n, 2);
	make(new);
	CHECK(strncmp(old, new, 20) != 0);
	CHECK(lk_access_token_prove(&keyring, &realm, lk_bytes_of(old), &proof));
	CHECK_EQ(proof.signer_expires_ms, NOW + 5);
	CHECK(lk_access_token_prove(&keyring, &realm, lk_bytes_of(new), &proof));
	CHECK_EQ(proof.signer_expires_ms, INT64_MAX);
	CHECK(lk_keyring_remove(&keyring, &former));
	CHECK(!proves(lk_bytes_of(old)));
	CHECK(proves(lk_bytes_of(new)));
	keyring.n = 0;
	CHECK(!proves(lk_bytes_of(new)));
}

TEST(only_a_text_with_a_dot_can_be_a_token)
{
	CHECK(lk_is_jwt(lk_bytes_of("a.b")));
	CHECK(lk_is_jwt(lk_bytes_of(".")));
	CHECK(!lk_is_jwt(lk_bytes_of("lks_0123456789")));
	CHECK(!lk_is_jwt((struct lk_bytes) { NULL, 0 }));
	CHECK(!proves((struct lk_bytes) { NULL, 0 }));
}

#define EDDSA(test) cmocka_unit_test_setup(test, set_eddsa)
#define HS256(test) \
	{ \
#test "_hs256", test, set_hs256, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EDDSA(a_token_proves_its_session_until_its_expiry),
		HS256(a_token_proves_its_session_until_its_expiry),
		EDDSA(a_token_is_laid_out_as_documented),
		EDDSA(each_token_has_an_id_of_its_own),
		EDDSA(the_longest_names_fit),
		HS256(the_longest_names_fit),
		EDDSA(a_token_with_any_bit_changed_is_refused),
		HS256(a_token_with_any_bit_changed_is_refused),
		EDDSA(a_token_with_anything_cut_off_or_added_is_refused),
		HS256(a_token_with_anything_cut_off_or_added_is_refused),
		EDDSA(a_text_of_another_number_of_parts_is_refused),
		EDDSA(a_huge_text_is_refused),
		EDDSA(no_header_but_that_of_a_key_is_believed),
		EDDSA(no_claims_but_those_of_an_access_token_are_believed),
		EDDSA(a_signed_payload_with_any_byte_left_out_or_doubled_is_refused),
		EDDSA(a_token_is_for_one_issuer_and_one_audience),
		HS256(a_token_is_for_one_issuer_and_one_audience),
		EDDSA(a_public_key_is_no_secret_to_sign_with),
		EDDSA(every_key_of_the_ring_verifies_and_tells_until_when),
		EDDSA(only_a_text_with_a_dot_can_be_a_token),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
