/* SPDX-License-Identifier: MIT */
/* What the files of rpc.h share. */
#pragma once

#include "client/cli/rpc.h"

/* Where a field of a message is, and how many a repeated one has. */
const void *lk_rpc_member(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
size_t lk_rpc_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

void lk_rpc_print_list(
	struct lk_cli *cli, const struct lk_rpc_command *command, const ProtobufCMessage *response);
