/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the targets share whose output is for a terminal: of it every character must be shown. */
#ifndef RED_FUZZ_TERMINAL_H
#define RED_FUZZ_TERMINAL_H

#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "term_text.h"
#include "utf8.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	term_text__init();
	return 0;
}

static void check_printable(const char *p, size_t len, bool lines)
{
	uint32_t cp;

	for (size_t at = 0, n; at < len; at += n) {
		n = utf8_next(p + at, len - at, &cp);
		assert(n && (utf8_printable(cp) || (lines && cp == '\n')));
	}
}

#endif /* RED_FUZZ_TERMINAL_H */
