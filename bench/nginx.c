/* SPDX-License-Identifier: MIT */
#include "bench/nginx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/http_client.h"
#include "bench/spawn.h"

#define PROGRAM "/usr/sbin/nginx"
#define PATH_BYTES_MAX 96

/* Each worker has a socket of its own to listen on, as the daemon's loops do; nothing is logged,
 * and connections are kept for good. The paths are those that nginx would look for below /var. */
static bool write_config(const struct lk_nginx *nginx, const char *path)
{
	FILE *file = fopen(path, "we");

	if (file == NULL)
		return false;
	fprintf(file,
		"daemon off;\n"
		"worker_processes %u;\n"
		"pid nginx.pid;\n"
		"error_log stderr warn;\n"
		"events { worker_connections 65536; }\n"
		"http {\n"
		"  access_log off;\n"
		"  keepalive_requests 1000000000;\n"
		"  keepalive_timeout 1h;\n"
		"  client_body_temp_path body;\n"
		"  proxy_temp_path proxy;\n"
		"  fastcgi_temp_path fastcgi;\n"
		"  uwsgi_temp_path uwsgi;\n"
		"  scgi_temp_path scgi;\n"
		"  server {\n"
		"    listen 127.0.0.1:%u reuseport backlog=4096;\n"
		"    location / { return 200; }\n"
		"  }\n"
		"}\n",
		lk_spawn_cpus(), nginx->port);
	return fclose(file) == 0;
}

static void show_log(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[512];

	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		fputs(line, stderr);
	if (file != NULL)
		fclose(file);
}

static struct lk_status wait_ready(const struct lk_nginx *nginx, const char *log)
{
	struct lk_bench_url url = { .host = "127.0.0.1" };
	struct lk_status st;

	snprintf(url.port, sizeof url.port, "%u", nginx->port & 0xffff);
	st = lk_http_wait(&url);
	if (st.code == LK_OK)
		return st;
	show_log(log);
	return LK_ERR(LK_UNAVAILABLE, "nginx did not start");
}

struct lk_status lk_nginx_start(struct lk_nginx *nginx)
{
	char config[PATH_BYTES_MAX], log[PATH_BYTES_MAX];
	const char *const argv[] = { "nginx", "-p", nginx->directory, "-e", "stderr", "-c", config,
		NULL };

	*nginx = (struct lk_nginx) { .directory = "/tmp/latchkey-nginx-XXXXXX",
		.port = lk_free_port() };
	if (access(PROGRAM, X_OK) != 0) {
		nginx->directory[0] = '\0';
		return LK_ERR(LK_UNAVAILABLE, "there is no /usr/sbin/nginx to compare with: "
					      "install Debian's nginx-light");
	}
	if (mkdtemp(nginx->directory) == NULL) {
		nginx->directory[0] = '\0';
		return LK_ERR(LK_UNAVAILABLE, "no temporary directory can be made");
	}
	snprintf(config, sizeof config, "%s/nginx.conf", nginx->directory);
	snprintf(log, sizeof log, "%s/nginx.log", nginx->directory);
	if (!write_config(nginx, config))
		return LK_ERR(LK_UNAVAILABLE, "the configuration of nginx cannot be written");
	nginx->pid = lk_spawn(PROGRAM, argv, log);
	if (nginx->pid == 0)
		return LK_ERR(LK_UNAVAILABLE, "nginx cannot be run");
	return wait_ready(nginx, log);
}

void lk_nginx_stop(struct lk_nginx *nginx)
{
	lk_spawn_stop(nginx->pid);
	if (nginx->directory[0] != '\0')
		lk_remove_tree(nginx->directory);
	*nginx = (struct lk_nginx) { 0 };
}
