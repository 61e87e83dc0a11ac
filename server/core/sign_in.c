/* SPDX-License-Identifier: MIT */
#include "server/core/sign_in.h"

#include <stdio.h>
#include <string.h>

#include "proto/wire/arena.h"
#include "server/core/rows.h"
#include "server/core/text.h"

#define KNOWN_FOR_MS ((lk_time_ms)30 * 24 * 3600 * 1000)

static struct lk_status wrong(void)
{
	return (struct lk_status) { .code = LK_UNAUTHENTICATED,
		.why = "email or password is wrong",
		.reason = LK_WRONG_CREDENTIALS };
}

static struct lk_status arena_full(void)
{
	return LK_ERR(LK_RESOURCE_EXHAUSTED, "the request needs too much memory");
}

/* --- looking up --- */

/* A hash of this realm's cost that no password has: salt and hash are zeros. */
static const char *dummy_hash(const struct lk_core_call *call, char text_out[LK_PASSWORD_HASH_SIZE])
{
	snprintf(text_out, LK_PASSWORD_HASH_SIZE,
		"$argon2id$v=19$m=%u,t=%u,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		call->realm->passwords.cost.memory_kib, call->realm->passwords.cost.passes);
	return text_out;
}

/* What is looked at in the place of rows that are not there, so that it takes as long. */
struct decoys {
	struct lk_bytes user;
	struct lk_bytes sign_ins;
};

static struct lk_status make_decoys(const struct lk_core_call *call, struct decoys *decoys_out)
{
	static const char email[] = "nobody@example.org", network[] = "-";
	struct lk_sign_ins_record sign_ins = { .last_ms = call->now, .n_networks = 2 };
	char hash[LK_PASSWORD_HASH_SIZE];
	const struct lk_user_record user = { .realm = lk_call_realm_name(call),
		.email = lk_bytes_of(email),
		.enabled = true,
		.created_ms = call->now,
		.password_hash = lk_bytes_of(dummy_hash(call, hash)),
		.password_changed_ms = call->now };

	for (size_t i = 0; i < sign_ins.n_networks; i++)
		sign_ins.networks[i] =
			(struct lk_known_network) { lk_bytes_of(network), call->now };
	LK_TRY(lk_user_record_encode(&user, call->arena, &decoys_out->user));
	return lk_sign_ins_record_encode(&sign_ins, call->arena, &decoys_out->sign_ins);
}

struct reading {
	struct lk_bytes value; /* before: the decoy; after: what was found, or it; in the arena */
	bool is_found;
};

static struct lk_status read_row(const struct lk_core_call *call, struct lk_store *store,
	const struct lk_row *row, struct reading *reading)
{
	struct lk_status st;
	struct lk_buf value;
	uint8_t *copy;
	uint64_t seq;

	lk_buf_init(&value, LK_STORE_VALUE_MAX);
	st = lk_store_get(store, lk_row_bytes(row), &value, &seq);
	reading->is_found = st.code == LK_OK;
	if (st.code == LK_NOT_FOUND) {
		lk_buf_add(&value, reading->value.data, reading->value.n);
		st = LK_SUCCESS;
	}
	copy = st.code == LK_OK ? lk_arena_alloc(call->arena, value.n + 1) : NULL;
	if (st.code == LK_OK && (copy == NULL || value.failed))
		st = arena_full();
	if (st.code == LK_OK && value.n > 0)
		memcpy(copy, value.data, value.n);
	reading->value = (struct lk_bytes) { copy, value.n };
	lk_buf_fini(&value);
	return st;
}

static bool knows_network(const struct lk_sign_in *sign_in, lk_time_ms now)
{
	char text[LK_NETWORK_TEXT_SIZE];
	struct lk_network network;

	if (!sign_in->has_address)
		return false;
	network = lk_guess_network(&sign_in->address);
	lk_network_format(&network, text);
	for (size_t i = 0; i < sign_in->sign_ins.n_networks; i++)
		if (lk_text_equal(sign_in->sign_ins.networks[i].network, lk_bytes_of(text)) &&
			now - sign_in->sign_ins.networks[i].last_ms < KNOWN_FOR_MS)
			return true;
	return false;
}

static struct lk_status read_user(const struct lk_core_call *call, struct lk_store *store,
	const struct lk_key_id *id, const struct decoys *decoys, struct lk_sign_in *sign_in)
{
	struct lk_bytes realm = lk_call_realm_name(call);
	struct reading user = { .value = decoys->user }, sign_ins = { .value = decoys->sign_ins };
	struct lk_row row = lk_row_of_user(realm, id);
	struct lk_status st;

	LK_TRY(read_row(call, store, &row, &user));
	row = lk_row_of_sign_ins(realm, id);
	LK_TRY(read_row(call, store, &row, &sign_ins));
	/* What is damaged lets nobody in, and knows no network. */
	st = lk_user_record_decode(user.value, call->arena, &sign_in->user);
	sign_in->exists = user.is_found && st.code == LK_OK && sign_in->user.enabled &&
			  sign_in->user.password_hash.n > 0;
	if (st.code != LK_RESOURCE_EXHAUSTED)
		st = lk_sign_ins_record_decode(sign_ins.value, call->arena, &sign_in->sign_ins);
	/* Short of memory, nothing is known: that is no wrong password. */
	return st.code == LK_RESOURCE_EXHAUSTED ? st : LK_SUCCESS;
}

static struct lk_status check_password(const char *password)
{
	if (password[0] == '\0')
		return LK_BAD_FIELD("password", "a password is needed");
	if (strlen(password) > LK_PASSWORD_MAX)
		return LK_BAD_FIELD("password", "a password has at most 1024 bytes");
	return LK_SUCCESS;
}

static void set_client(
	const struct lk_core_call *call, const struct lk_client *client, struct lk_sign_in *sign_in)
{
	sign_in->client = *client;
	sign_in->has_address = lk_address_parse(client->address, &sign_in->address);
	sign_in->guess = (struct lk_guess) {
		.realm = lk_call_realm_name(call),
		.account = sign_in->email,
		.address = sign_in->has_address ? &sign_in->address : NULL,
		.is_known_network = knows_network(sign_in, call->now),
		.now = call->now,
	};
}

struct lk_status lk_sign_in_find(const struct lk_core_call *call, struct lk_store *store,
	const struct lk_sign_in_attempt *attempt, struct lk_sign_in *sign_in_out)
{
	struct lk_key_id id = { { 0 } };
	struct reading found = { .value = { id.bytes, sizeof id.bytes } };
	struct decoys decoys;
	struct lk_row row;

	*sign_in_out = (struct lk_sign_in) { .exists = false };
	LK_TRY(lk_email_canonical(attempt->email, call->arena, &sign_in_out->email));
	LK_TRY(check_password(attempt->password));
	row = lk_row_of_email(lk_call_realm_name(call), sign_in_out->email);
	LK_TRY(make_decoys(call, &decoys));
	LK_TRY(read_row(call, store, &row, &found));
	if (found.value.n == sizeof id.bytes)
		memcpy(id.bytes, found.value.data, sizeof id.bytes);
	LK_TRY(read_user(call, store, &id, &decoys, sign_in_out));
	set_client(call, &attempt->client, sign_in_out);
	return LK_SUCCESS;
}

struct lk_status lk_sign_in_find_user(const struct lk_core_call *call, struct lk_store *store,
	const struct lk_key_id *user_id, const struct lk_sign_in_attempt *attempt,
	struct lk_sign_in *sign_in_out)
{
	struct decoys decoys;

	*sign_in_out = (struct lk_sign_in) { .exists = false };
	LK_TRY(check_password(attempt->password));
	LK_TRY(make_decoys(call, &decoys));
	LK_TRY(read_user(call, store, user_id, &decoys, sign_in_out));
	sign_in_out->email = sign_in_out->user.email;
	set_client(call, &attempt->client, sign_in_out);
	return LK_SUCCESS;
}

/* --- judging --- */

static struct lk_status match(const struct lk_core_call *call, const char *password,
	const struct lk_sign_in *sign_in, bool *matches_out)
{
	const struct lk_password_policy *policy = &call->realm->passwords;
	char dummy[LK_PASSWORD_HASH_SIZE];
	struct lk_bytes kept = lk_bytes_of(dummy_hash(call, dummy));
	const char *hash;

	if (sign_in->exists)
		kept = sign_in->user.password_hash;
	hash = lk_arena_strndup(call->arena, (const char *)kept.data, kept.n);
	if (hash == NULL)
		return arena_full();
	LK_TRY(lk_password_matches(lk_bytes_of(password), hash, &policy->cap, matches_out));
	*matches_out = *matches_out && sign_in->exists;
	return LK_SUCCESS;
}

/* Of a password that was just proven: it will not be there again in clear. */
static struct lk_status renew_hash(
	const struct lk_core_call *call, const char *password, struct lk_sign_in *sign_in)
{
	const struct lk_argon2_cost *cost = &call->realm->passwords.cost;
	const char *old = lk_arena_strndup(call->arena,
		(const char *)sign_in->user.password_hash.data, sign_in->user.password_hash.n);
	char *hash = lk_arena_alloc(call->arena, LK_PASSWORD_HASH_SIZE);

	if (old == NULL || hash == NULL)
		return arena_full();
	if (lk_password_hash_is_current(old, cost))
		return LK_SUCCESS;
	LK_TRY(lk_password_hash(lk_bytes_of(password), cost, hash));
	sign_in->new_hash = hash;
	return LK_SUCCESS;
}

struct lk_status lk_sign_in_judge(const struct lk_core_call *call, struct lk_guesses *guesses,
	const char *password, struct lk_sign_in *sign_in)
{
	bool matches = false;
	struct lk_status st;

	LK_TRY(lk_guess_begin(guesses, &sign_in->guess));
	st = match(call, password, sign_in, &matches);
	if (st.code == LK_OK && !matches)
		return wrong();
	if (st.code == LK_OK)
		st = renew_hash(call, password, sign_in);
	/* It was right, or nobody knows. */
	lk_guess_take_back(guesses, &sign_in->guess);
	return st;
}

/* --- opening --- */

/* The network moves to the front; the one that was longest not seen goes. */
static void add_network(struct lk_sign_ins_record *record, const char *text, lk_time_ms now)
{
	struct lk_bytes network = lk_bytes_of(text);
	size_t place = 0;

	for (size_t i = 0; i < record->n_networks; i++) {
		if (lk_text_equal(record->networks[i].network, network)) {
			record->networks[i].last_ms = now;
			return;
		}
		if (record->networks[i].last_ms < record->networks[place].last_ms)
			place = i;
	}
	if (record->n_networks < LK_KNOWN_NETWORKS_MAX)
		place = record->n_networks++;
	record->networks[place] = (struct lk_known_network) { network, now };
}

/* Read without becoming a condition: two sign-ins at once must both succeed. */
static struct lk_status note_sign_in(
	const struct lk_core_call *call, struct lk_txn *txn, const struct lk_sign_in *sign_in)
{
	struct lk_row row = lk_row_of_sign_ins(lk_call_realm_name(call), &sign_in->user.id);
	struct lk_sign_ins_record record = { .last_ms = 0 };
	char text[LK_NETWORK_TEXT_SIZE];
	struct lk_bytes value;
	struct lk_status st;
	struct lk_buf old;

	lk_buf_init(&old, LK_STORE_VALUE_MAX);
	st = lk_rows_peek(txn, &row, &old);
	if (st.code == LK_OK && old.n > 0)
		st = lk_sign_ins_record_decode(
			(struct lk_bytes) { old.data, old.n }, call->arena, &record);
	lk_buf_fini(&old);
	if (st.code != LK_OK && st.code != LK_DATA_LOSS)
		return st;
	record.last_ms = call->now;
	if (sign_in->has_address) {
		struct lk_network network = lk_guess_network(&sign_in->address);

		lk_network_format(&network, text);
		add_network(&record, text, call->now);
	}
	LK_TRY(lk_sign_ins_record_encode(&record, call->arena, &value));
	return lk_txn_put(txn, lk_row_bytes(&row), value, false);
}

static bool has_hash(const struct lk_user_record *user, const struct lk_sign_in *sign_in)
{
	return lk_text_equal(user->password_hash, sign_in->user.password_hash);
}

/* Another hash may be of the same password, when somebody else signed in meanwhile and made it
 * anew: that is no change of the password. */
static bool has_password(const struct lk_user_record *user, const struct lk_sign_in *sign_in)
{
	return has_hash(user, sign_in) ||
	       (sign_in->new_hash != NULL && user->password_hash.n > 0 &&
		       user->password_changed_ms == sign_in->user.password_changed_ms);
}

/* The user as they are now: enabled, and with the password that was judged. */
static struct lk_status check_user(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_sign_in *sign_in, struct lk_user_view *view_out)
{
	struct lk_row row = lk_row_of_user(lk_call_realm_name(call), &sign_in->user.id);
	struct lk_bytes value;
	struct lk_status st = lk_txn_get(txn, lk_row_bytes(&row), &value);

	if (st.code == LK_NOT_FOUND)
		return wrong();
	if (st.code != LK_OK)
		return st;
	*view_out = (struct lk_user_view) { .last_sign_in_ms = call->now };
	LK_TRY(lk_user_record_decode(value, call->arena, &view_out->record));
	lk_id_format(LK_ID_USER, &view_out->record.id, view_out->id);
	if (!view_out->record.enabled || !has_password(&view_out->record, sign_in))
		return wrong();
	return LK_SUCCESS;
}

struct lk_status lk_sign_in_open(const struct lk_core_call *call, struct lk_txn *txn,
	const struct lk_sign_in *sign_in, struct lk_grant *grant, struct lk_user_view *user_out)
{
	const struct lk_key_id *user_id = &sign_in->user.id;

	LK_TRY(check_user(call, txn, sign_in, user_out));
	if (sign_in->new_hash != NULL && has_hash(&user_out->record, sign_in))
		LK_TRY(lk_users_set_password_hash(
			call, txn, user_id, sign_in->new_hash, sign_in->user.password_hash));
	LK_TRY(note_sign_in(call, txn, sign_in));
	return lk_sessions_open(call, txn, user_id, &sign_in->client, grant);
}
