/* SPDX-License-Identifier: MIT */
#pragma once

#include "proto/wire/types.h"

/* A serialized google.protobuf.FileDescriptorSet of the schema, imports included; part of the
 * program. */
struct lk_bytes lk_descriptor_set(void);
