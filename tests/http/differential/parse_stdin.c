/* SPDX-License-Identifier: MIT */
/* Reads the requests of one connection from its input, as the engine would, and prints a line of
 * words parted by tabs for each thing that it meets:
 *
 *   request METHOD TARGET LENGTH    the method as sent
 *   header NAME VALUE               in hexadecimal digits, as the body is
 *   body BYTES                      when it is there in full
 *   refused STATUS
 *   more                            something is missing
 *   close                           what follows is not looked at
 */
#include "client/bridge/http_parse.h"

#include <stdio.h>

#define INPUT_MAX (1 << 20)

static void print_hex(struct lk_bytes bytes)
{
	putchar('\t');
	for (size_t i = 0; i < bytes.n; i++)
		printf("%02x", bytes.data[i]);
}

static void print_head(const struct lk_http_head *head, struct lk_bytes input)
{
	struct lk_bytes method = lk_http_at(input, head->method_text);
	struct lk_bytes target = lk_http_at(input, head->target);

	printf("request\t%.*s\t%.*s\t%zu\n", (int)method.n, (const char *)method.data,
		(int)target.n, (const char *)target.data, head->length);
	for (size_t i = 0; i < head->n_lines; i++) {
		printf("header");
		print_hex(lk_http_at(input, head->lines[i].name));
		print_hex(lk_http_at(input, head->lines[i].value));
		putchar('\n');
	}
}

/* Returns how many bytes the request took; 0 when the connection is over. */
static size_t read_request(struct lk_bytes input)
{
	static struct lk_http_head head;
	struct lk_http_refusal refusal;
	enum lk_http_parsed parsed;

	memset(&head, 0, sizeof head);
	parsed = lk_http_parse(&head, input, &refusal);
	if (parsed == LK_HTTP_REFUSED)
		printf("refused\t%u\n", refusal.status);
	if (parsed == LK_HTTP_DONE)
		print_head(&head, input);
	if (parsed == LK_HTTP_MORE || (parsed == LK_HTTP_DONE && head.length > input.n - head.n))
		printf("more\n");
	if (parsed != LK_HTTP_DONE || head.length > input.n - head.n)
		return 0;
	printf("body");
	print_hex((struct lk_bytes) { input.data + head.n, head.length });
	putchar('\n');
	if (!head.keeps_alive)
		printf("close\n");
	return head.keeps_alive ? head.n + head.length : 0;
}

int main(void)
{
	static uint8_t whole[INPUT_MAX];
	struct lk_bytes rest = { whole, fread(whole, 1, sizeof whole, stdin) };
	size_t n;

	while (rest.n > 0 && (n = read_request(rest)) > 0) {
		rest.data += n;
		rest.n -= n;
	}
	return 0;
}
