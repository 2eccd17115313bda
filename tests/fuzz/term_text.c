// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any text in any room: it takes what was said and no more, and put once more it is the same. */
#include "../../agent/term_text.c"
#include "terminal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf out = { 0 }, again = { 0 };
	int room = len ? data[0] % 100 : 0, used;
	char *text = strndup((const char *)data + (len > 0), len - (len > 0));

	used = term_text__put(&out, text, room);
	assert(used <= room && (used == term_text__width(text) || used >= room - 1));
	check_printable(out.p, out.len, false);
	buf__append(&out, "", 1);
	assert(term_text__width(out.p) == used && term_text__put(&again, out.p, room) == used);
	assert(again.len == out.len - 1 && !memcmp(again.p ? again.p : "", out.p, again.len));
	buf__reset(&again);
	term_text__cell(&again, text, room);
	assert(again.len >= out.len - 1 + (size_t)(room - used));
	buf__free(&again);
	buf__free(&out);
	free(text);
	return 0;
}
