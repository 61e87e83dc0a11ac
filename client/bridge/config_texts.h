/* SPDX-License-Identifier: MIT */
/* What the texts of the bridge's configuration look like. Each has one spelling: what is equal is
 * found by comparing texts. */
#pragma once

#include <stdbool.h>

/* "127.0.0.1:8080", "[::1]:8080" or "*:8080": digits in their shortest form, a port from 1 on. */
bool lk_bridge_is_address(const char *text);

/* Of an address: nobody beyond this machine reaches it. */
bool lk_bridge_is_loopback(const char *address);

/* A host's name, or an IPv4 address: lower case, no port, no dot at the end. */
bool lk_bridge_is_host(const char *text);

/* As browsers send it: "https://app.example", "http://localhost:3000". */
bool lk_bridge_is_origin(const char *text);
