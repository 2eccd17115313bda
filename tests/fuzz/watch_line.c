// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any JSON as a span that an agent tells `tail` of: one line, of which a terminal shows every
 * character. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "term_text.h"
#include "utf8.h"
#include "watch_line.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	term_text__init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	cJSON *j = cJSON_ParseWithLength((const char *)data, len);
	struct watch_line w = { 0 };
	struct buf out = { 0 };
	const char *p;
	uint32_t cp;

	if (!j)
		return 0;
	watch_line__put(&w, &out, j);
	assert(!out.err && out.len && out.p[out.len - 1] == '\n');
	p = out.p;
	for (size_t left = out.len - 1, n; left; left -= n, p += n) {
		n = utf8_next(p, left, &cp);
		assert(n && utf8_printable(cp));
	}
	buf__free(&out);
	cJSON_Delete(j);
	return 0;
}
