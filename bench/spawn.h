/* SPDX-License-Identifier: MIT */
/* Servers of the bench's own: processes, where they run, what they leave behind.
 *
 * They get the first half of the CPUs and the load the second, the same for every server that is
 * compared: otherwise the scheduler decides anew in each round who wakes whom on which core, which
 * costs more than the work.
 */
#pragma once

#include <sys/types.h>

/* Starts `program argv…` on the servers' half; from now on the caller's thread, and those that it
 * starts, run on the other. Standard error is appended to the file. 0 on failure. */
pid_t lk_spawn(const char *program, const char *const argv[], const char *err_path);

/* The same, and waits for the byte "+" on its standard output. */
pid_t lk_spawn_ready(const char *program, const char *const argv[]);

/* Ends a process that was spawned; 0 is none. */
void lk_spawn_stop(pid_t pid);

/* How many CPUs a server has. */
unsigned lk_spawn_cpus(void);

/* A tcp port of 127.0.0.1 that is free now; 0 when there is none. */
unsigned lk_free_port(void);

/* Deletes a directory and what is in it. */
void lk_remove_tree(const char *directory);
