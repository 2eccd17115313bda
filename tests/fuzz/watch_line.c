// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any JSON as a span that an agent tells `tail` of: one line, of which a terminal shows every
 * character. */
#include "terminal.h"
#include "watch_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	cJSON *j = cJSON_ParseWithLength((const char *)data, len);
	struct watch_line w = { 0 };
	struct buf out = { 0 };

	if (!j)
		return 0;
	watch_line__put(&w, &out, j);
	assert(!out.err && out.len && out.p[out.len - 1] == '\n');
	check_printable(out.p, out.len - 1, false);
	buf__free(&out);
	cJSON_Delete(j);
	return 0;
}
