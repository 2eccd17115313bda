// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as /proc/PID/maps: a mapping that is told was read from one line, and written as the
 * kernel would it is read the same again. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>

#include "../../uprobes/proc_maps.c"

static void check(const struct map_entry *m, const char *line, size_t len)
{
	char text[LINE_MAX_BYTES + 256];
	struct map_entry again;

	assert(m->path >= line && m->path + strlen(m->path) <= line + len);
	assert(!strchr(m->path, '\n'));
	snprintf(text, sizeof(text),
		 "%" PRIx64 "-%" PRIx64 " r-%cp 00000000 %02x:%02x %" PRIu64 " %s\n", m->start,
		 m->end, m->executable ? 'x' : '-', m->dev_major, m->dev_minor, m->inode, m->path);
	assert(parse_line(text, &again) && same_file(m, &again));
	assert(again.start == m->start && again.end == m->end &&
	       again.executable == m->executable && !strcmp(again.path, m->path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *line = malloc(len + 1); /* to the byte, for the sanitizer */
	struct map_entry m;

	if (len)
		memcpy(line, data, len);
	line[len] = 0;
	if (parse_line(line, &m))
		check(&m, line, len);
	free(line);
	return 0;
}
