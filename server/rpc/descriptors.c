/* SPDX-License-Identifier: MIT */
#include "server/rpc/descriptors.h"

/* protoc writes the set when the schema is built; the assembler takes it in as it is. */
__asm__(".section .rodata\n"
	"lk_descriptor_set_begin:\n"
	".incbin \"" LK_DESCRIPTOR_SET "\"\n"
	"lk_descriptor_set_end:\n"
	".previous\n");

extern const uint8_t lk_descriptor_set_begin[];
extern const uint8_t lk_descriptor_set_end[];

struct lk_bytes lk_descriptor_set(void)
{
	return (struct lk_bytes) { lk_descriptor_set_begin,
		(size_t)(lk_descriptor_set_end - lk_descriptor_set_begin) };
}
