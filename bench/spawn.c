/* SPDX-License-Identifier: MIT */
#include "bench/spawn.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* All CPUs of the process, as they were before it moved to a half of them. */
static const cpu_set_t *all_cpus(void)
{
	static cpu_set_t all;
	static bool is_known;

	if (!is_known && sched_getaffinity(0, sizeof all, &all) == 0)
		is_known = true;
	return &all;
}

unsigned lk_spawn_cpus(void)
{
	int n = CPU_COUNT(all_cpus());

	return n < 2 ? 1 : (unsigned)n / 2;
}

/* Threads that start later inherit it. */
static void pin_to_half(unsigned half)
{
	const cpu_set_t *all = all_cpus();
	int n_all = CPU_COUNT(all);
	cpu_set_t set;
	int seen = 0;

	if (n_all < 2)
		return;
	CPU_ZERO(&set);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, all) && (seen++ >= n_all / 2) == (half == 1))
			CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static pid_t spawn(const char *program, const char *const argv[], int out_fd, const char *err_path)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = 0;

	posix_spawn_file_actions_init(&actions);
	if (out_fd >= 0)
		posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	if (err_path != NULL)
		posix_spawn_file_actions_addopen(
			&actions, STDERR_FILENO, err_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	pin_to_half(0);
	if (posix_spawn(&pid, program, &actions, NULL, (char *const *)(uintptr_t)argv, environ) !=
		0)
		pid = 0;
	pin_to_half(1);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

pid_t lk_spawn(const char *program, const char *const argv[], const char *err_path)
{
	return spawn(program, argv, -1, err_path);
}

pid_t lk_spawn_ready(const char *program, const char *const argv[])
{
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return 0;
	pid = spawn(program, argv, fds[1], NULL);
	close(fds[1]);
	if (pid > 0 && read(fds[0], &byte, 1) != 1) {
		lk_spawn_stop(pid);
		pid = 0;
	}
	close(fds[0]);
	return pid;
}

void lk_spawn_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

unsigned lk_free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned port = 0;

	if (fd < 0)
		return 0;
	if (bind(fd, (struct sockaddr *)&address, n) == 0 &&
		getsockname(fd, (struct sockaddr *)&address, &n) == 0)
		port = ntohs(address.sin_port);
	close(fd);
	return port;
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *where)
{
	(void)stat;
	(void)type;
	(void)where;
	return remove(path);
}

void lk_remove_tree(const char *directory)
{
	nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
