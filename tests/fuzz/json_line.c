// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a value, cut anywhere, in any room: one line of JSON in UTF-8, in which a
 * terminal finds nothing to obey. */
#include <cjson/cJSON.h>
#include <stdlib.h>

#include "exporters/json_line.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const char *line, size_t len)
{
	cJSON *j = cJSON_ParseWithLength(line, len);
	uint32_t cp;
	size_t n;

	if (!j || line[len - 1] != '\n')
		abort();
	cJSON_Delete(j);
	for (len--; len; len -= n, line += n) {
		n = utf8_next(line, len, &cp);
		if (!n || !utf8_printable(cp))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t size, max, n;
	struct json_line j;
	char *room;

	if (len < 2)
		return 0;
	size = JSON_LINE_LEAST + data[0] * 4u;
	max = data[1] == 255 ? SIZE_MAX : data[1] * 4u;
	room = malloc(size); /* so that the sanitizer sees its end */
	json_line__begin(&j, room, size);
	json_line__str(&j, "a", (struct slice){ (const char *)data + 2, len - 2 }, max);
	json_line__u64(&j, "b", 1);
	if (json_line__open(&j, "c"))
		json_line__str(&j, "d", (struct slice){ (const char *)data + 2, len - 2 }, max);
	n = json_line__end(&j);
	if (n > size)
		abort();
	check(room, n);
	free(room);
	return 0;
}
