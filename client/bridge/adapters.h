/* SPDX-License-Identifier: MIT */
/* The adapters of this program, by the list in cmake/surfaces.cmake. */
#pragma once

#include <stddef.h>

struct lk_adapter;

extern const struct lk_adapter *const lk_adapters[];
extern const size_t lk_n_adapters;
