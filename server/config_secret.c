/* SPDX-License-Identifier: MIT */
/* Secrets that are shared with others; each stands in a file of its own. */
#include <stdio.h>
#include <sys/stat.h>

#include "server/config_priv.h"

/* The first line, in the arena; what is wrong with it otherwise. */
static const char *load_secret(
	const char *path, struct lk_arena *arena, struct lk_bytes *secret_out)
{
	char text[LK_SECRET_MAX + 2];
	FILE *file = fopen(path, "re");
	struct stat status;
	const char *why = NULL;
	size_t n;

	if (file == NULL)
		return "the file cannot be read";
	if (fstat(fileno(file), &status) != 0 || (status.st_mode & 077) != 0) {
		fclose(file);
		return "others may read the secret in this file: use mode 0600";
	}
	setvbuf(file, NULL, _IONBF, 0);
	n = fread(text, 1, sizeof text, file);
	fclose(file);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n < LK_SECRET_MIN || n > LK_SECRET_MAX)
		why = "a secret has 32 to 512 bytes";
	secret_out->data = why == NULL ? (uint8_t *)lk_arena_strndup(arena, text, n) : NULL;
	secret_out->n = secret_out->data != NULL ? n : 0;
	lk_wipe(text, sizeof text);
	return why;
}

void lk_config_read_secret(struct lk_config_reader *reader, const char *name, yaml_node_t *node,
	struct lk_bytes *secret_out)
{
	static const struct lk_config_field field = { .kind = LK_CONFIG_TEXT };
	const char *path = lk_config_read_text(reader, &field, name, node);
	const char *why;

	if (path == NULL)
		return;
	why = load_secret(path, reader->arena, secret_out);
	if (why != NULL)
		lk_config_complain(reader, node, name, why);
}
