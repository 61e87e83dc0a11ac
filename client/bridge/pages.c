/* SPDX-License-Identifier: MIT */
#include "client/bridge/pages.h"

#include <string.h>

#include "client/bridge/headers.h"

#define HEADERS_MAX 1024
#define FOLDER "/docs"

/* Of pages_files.S. */
extern const uint8_t lk_page_index[], lk_page_index_end[], lk_page_init[], lk_page_init_end[],
	lk_page_css[], lk_page_css_end[], lk_page_bundle[], lk_page_bundle_end[];

static const struct page {
	const char *name; /* behind the folder */
	const char *content_type;
	const uint8_t *data, *end; /* compressed */
} pages[] = {
	{ "/", "text/html; charset=utf-8", lk_page_index, lk_page_index_end },
	{ "/init.js", "text/javascript; charset=utf-8", lk_page_init, lk_page_init_end },
	{ "/swagger-ui.css", "text/css; charset=utf-8", lk_page_css, lk_page_css_end },
	{ "/swagger-ui-bundle.js", "text/javascript; charset=utf-8", lk_page_bundle,
		lk_page_bundle_end },
};

/* Nothing from elsewhere, and nothing else than what the page has to do. Swagger UI sets styles of
 * elements, and has images as data. */
static const char policy[] =
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self' "
	"'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action "
	"'none'; frame-ancestors 'none'\r\n"
	"X-Content-Type-Options: nosniff\r\n"
	"Referrer-Policy: no-referrer\r\n"
	"Cache-Control: no-cache\r\n";

/* What stands behind the folder; NULL: the path is none of ours. */
static const char *name_of(const struct lk_site *site, const struct lk_http_exchange *exchange)
{
	struct lk_bytes path = lk_http_at(exchange->head_bytes, exchange->head->path);
	const char *root = site->adapter->surface->root;
	size_t root_n = strlen(root), n = root_n + strlen(FOLDER);

	if (path.n < n || memcmp(path.data, root, root_n) != 0 ||
		memcmp(path.data + root_n, FOLDER, strlen(FOLDER)) != 0)
		return NULL;
	return lk_arena_strndup(exchange->arena, (const char *)path.data + n, path.n - n);
}

/* Whether the client takes no gzip: it says so, or lists others alone (RFC 9110, section 12.5.3).
 */
static bool refuses_gzip(const struct lk_http_exchange *exchange)
{
	struct lk_bytes value;
	const char *text;

	if (lk_http_header(exchange, "accept-encoding", &value) == 0)
		return false;
	text = lk_arena_strndup(exchange->arena, (const char *)value.data, value.n);
	return text == NULL || strstr(text, "gzip;q=0,") != NULL ||
	       (strstr(text, "gzip") == NULL && strchr(text, '*') == NULL);
}

static void send_page(struct lk_http_exchange *exchange, const struct page *page)
{
	struct lk_buf headers = lk_bridge_buf(exchange->arena, HEADERS_MAX);

	lk_put_text(&headers, policy);
	lk_put_header_raw(&headers, "Vary", "Accept-Encoding");
	lk_put_header_raw(&headers, "Content-Encoding", "gzip");
	lk_http_send(exchange, &(struct lk_http_answer) { .status = 200,
				       .headers = { headers.data, headers.n },
				       .body = { page->data, (size_t)(page->end - page->data) },
				       .content_type = page->content_type });
}

/* Relative names of the page are below the folder. */
static void redirect(const struct lk_site *site, struct lk_http_exchange *exchange)
{
	struct lk_buf headers = lk_bridge_buf(exchange->arena, HEADERS_MAX);

	lk_put_text(&headers, "Location: ");
	lk_put_text(&headers, site->adapter->surface->root);
	lk_put_text(&headers, FOLDER "/\r\n");
	lk_bridge_send(exchange, 308, (struct lk_bytes) { NULL, 0 }, &headers);
}

bool lk_pages_serve(const struct lk_site *site, struct lk_http_exchange *exchange)
{
	const char *name = site->adapter != NULL ? name_of(site, exchange) : NULL;
	const struct page *page = NULL;

	for (size_t i = 0; name != NULL && i < LK_COUNT(pages); i++)
		if (strcmp(name, pages[i].name) == 0)
			page = &pages[i];
	if (name == NULL || (page == NULL && name[0] != '\0'))
		return false;
	if (!lk_documents_is_read(site, exchange))
		return true;
	if (page == NULL)
		redirect(site, exchange);
	else if (refuses_gzip(exchange))
		lk_bridge_refuse_http(NULL, exchange, 406, "it is sent with gzip alone");
	else
		send_page(exchange, page);
	return true;
}
