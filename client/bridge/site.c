/* SPDX-License-Identifier: MIT */
#include "client/bridge/site.h"

#include <string.h>
#include <strings.h>

#include "client/bridge/adapters.h"

struct lk_sites {
	const struct lk_bridge_config *config;
	struct lk_sites *previous;
	struct lk_site sites[];
};

/* By the name that the configuration has for it. */
static const struct lk_adapter *find_adapter(const char *surface)
{
	for (size_t i = 0; surface != NULL && i < lk_n_adapters; i++)
		if (strcmp(lk_adapters[i]->surface->name, surface) == 0)
			return lk_adapters[i];
	return NULL;
}

/* Where a realm has no surface that says otherwise. */
#define KEY_HEADER "X-Api-Key"

static void set_key_header(struct lk_site *site)
{
	const char *name = site->adapter != NULL ? site->adapter->surface->key_header : KEY_HEADER;
	size_t n = name != NULL ? strnlen(name, LK_KEY_HEADER_MAX) : 0;

	for (size_t i = 0; i < n; i++)
		site->key_header[i] =
			name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
	site->key_header[n] = '\0';
}

struct lk_status lk_sites_new(const struct lk_bridge_config *config, struct lk_sites *previous,
	struct lk_sites **sites_out)
{
	struct lk_sites *sites =
		lk_alloc(sizeof *sites + config->n_realms * sizeof sites->sites[0]);

	if (sites == NULL)
		return LK_ERR(LK_RESOURCE_EXHAUSTED, "no memory for the sites of the bridge");
	sites->config = config;
	sites->previous = previous;
	for (size_t i = 0; i < config->n_realms; i++) {
		struct lk_site *site = &sites->sites[i];

		site->realm = &config->realms[i];
		site->adapter = find_adapter(config->realms[i].surface);
		set_key_header(site);
	}
	*sites_out = sites;
	return LK_SUCCESS;
}

void lk_sites_free(struct lk_sites *sites)
{
	while (sites != NULL) {
		struct lk_sites *previous = sites->previous;

		lk_free(sites);
		sites = previous;
	}
}

const struct lk_bridge_config *lk_sites_config(const struct lk_sites *sites)
{
	return sites->config;
}

const struct lk_site *lk_sites_find(const struct lk_sites *sites, const char *realm)
{
	for (size_t i = 0; i < sites->config->n_realms; i++)
		if (strcmp(sites->sites[i].realm->name, realm) == 0)
			return &sites->sites[i];
	return NULL;
}

static bool is_host(const char *name, struct lk_bytes host)
{
	return strlen(name) == host.n && strncasecmp(name, (const char *)host.data, host.n) == 0;
}

const struct lk_site *lk_sites_by_host(const struct lk_sites *sites, struct lk_bytes host)
{
	for (size_t i = 0; i < sites->config->n_realms; i++)
		for (size_t j = 0; j < sites->sites[i].realm->n_hosts; j++)
			if (is_host(sites->sites[i].realm->hosts[j], host))
				return &sites->sites[i];
	return NULL;
}

bool lk_site_lists_origin(const struct lk_site *site, struct lk_bytes origin)
{
	for (size_t i = 0; i < site->realm->n_origins; i++) {
		struct lk_bytes listed = lk_bytes_of(site->realm->origins[i]);

		if (listed.n == origin.n && memcmp(listed.data, origin.data, origin.n) == 0)
			return true;
	}
	return false;
}
