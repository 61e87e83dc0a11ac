/* SPDX-License-Identifier: MIT */
/* The files of the pages, as they are sent: compressed with gzip. */

	.section .rodata

	.macro file name, path
	.global lk_page_\name
	.global lk_page_\name\()_end
lk_page_\name:
	.incbin "\path"
lk_page_\name\()_end:
	.byte 0
	.endm

	file index, index.html.gz
	file init, init.js.gz
	file css, swagger-ui.css.gz
	file bundle, swagger-ui-bundle.js.gz

	.section .note.GNU-stack, "", %progbits
