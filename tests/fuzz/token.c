/* SPDX-License-Identifier: MIT */
/* Access tokens.
 *
 * Input: one byte that chooses what it is: a whole token, or a payload that is signed rightly with
 * the one key of the realm, or a header over a sound payload, signed likewise. Invariants: only
 * the key's header is believed; the text of what is believed can be written in one way only; what
 * a believed payload says is what stands in it.
 */
#include <stdio.h>

#include "server/core/access_token.h"
#include "server/crypto/seal.h"
#include "tests/fuzz/fuzz.h"

#define PAYLOAD_FRONT "{\"iss\":\"latchkey/crm\",\"sub\":\"user_"
#define PAYLOAD \
	PAYLOAD_FRONT "01tRy6czI6jAOLpZvq3hw1\",\"aud\":\"crm\",\"sid\":" \
		      "\"ses_01tRy6czI6jAOLpZvq3hw1\",\"jti\":\"01tRy6czI6jAOLpZvq3hw1\"," \
		      "\"iat\":1767225600,\"exp\":1767226200}"
#define INPUT_MAX 1024

static struct lk_realm realm = { .name = "crm", .issuer = "latchkey/crm", .audience = "crm" };
static struct lk_keyring keyring = { .generation = 1 };

/* HS256: quick, and what is read afterwards is the same. */
static void make_keyring(void)
{
	static const struct lk_peppers peppers = { .items = { { 1, { 42 } } }, .n = 1 };
	static const uint8_t seed[LK_SIGN_SEED_SIZE] = { 1 };
	uint8_t sealed[LK_SIGN_SEED_SIZE + LK_SEAL_OVERHEAD];
	struct lk_signing_key_record record = { .realm = fuzz_text("crm"),
		.algorithm = LK_SIGN_HS256,
		.sealed = { sealed, sizeof sealed },
		.pepper_id = 1 };
	struct lk_row row = lk_row_of_signing_key(record.realm, &record.id);
	struct lk_seal_key key = {
		.pepper = &peppers.items[0], .purpose = "signing key", .context = lk_row_bytes(&row)
	};

	FUZZ_OK(lk_crypto_init());
	lk_seal(&key, (struct lk_bytes) { seed, sizeof seed }, sealed);
	FUZZ_OK(lk_keyring_add(&keyring, &peppers, &record));
}

/* Returns the length of the token. */
static size_t sign(struct lk_bytes header, struct lk_bytes payload, char *token_out)
{
	uint8_t signature[LK_SIGNATURE_MAX];
	size_t n = header.n;

	memcpy(token_out, header.data, header.n);
	token_out[n++] = '.';
	n += lk_base64url_encode(payload, token_out + n);
	lk_sign(&keyring.signers[0].key, (struct lk_bytes) { (uint8_t *)token_out, n }, signature);
	token_out[n++] = '.';
	return n + lk_base64url_encode((struct lk_bytes) { signature, 32 }, token_out + n);
}

static void check_payload(struct lk_bytes payload, const struct lk_proof *proof)
{
	char text[INPUT_MAX + 1] = { 0 }, end[64], session_id[LK_ID_TEXT_SIZE];

	memcpy(text, payload.data, payload.n);
	lk_id_format(LK_ID_SESSION, &proof->session_id, session_id);
	snprintf(end, sizeof end, ",\"exp\":%lld}", (long long)(proof->expires_ms / 1000));
	FUZZ_CHECK(strlen(text) == payload.n);
	FUZZ_CHECK(strncmp(text, PAYLOAD_FRONT, sizeof PAYLOAD_FRONT - 1) == 0);
	FUZZ_CHECK(strstr(text, session_id) != NULL);
	FUZZ_CHECK(strcmp(strrchr(text, ',') != NULL ? strrchr(text, ',') : "", end) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lk_bytes input = { data, n };
	unsigned kind = fuzz_choice(&input, 3);
	struct lk_bytes header, token;
	char text[4 * INPUT_MAX];
	struct lk_proof proof;

	if (keyring.n == 0)
		make_keyring();
	header = (struct lk_bytes) { (const uint8_t *)keyring.signers[0].header,
		keyring.signers[0].header_n };
	if (kind == 0) {
		/* Nobody guesses a signature. */
		FUZZ_CHECK(!lk_access_token_prove(&keyring, &realm, input, &proof));
		return 0;
	}
	if (input.n == 0 || input.n > INPUT_MAX)
		return 0;
	token.data = (const uint8_t *)text;
	if (kind == 1) {
		token.n = sign(header, input, text);
		if (lk_access_token_prove(&keyring, &realm, token, &proof))
			check_payload(input, &proof);
		return 0;
	}
	token.n = sign(input, fuzz_text(PAYLOAD), text);
	FUZZ_CHECK(
		lk_access_token_prove(&keyring, &realm, token, &proof) == fuzz_same(input, header));
	return 0;
}
