// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A line of a rule, the rest is an executable, an image and the text of cgroups. What has no
 * wildcard matches itself; what matches a group matches below it. */
#undef NDEBUG
#include <assert.h>

#include "../../agent/select.c"

static void check_itself(const char *text)
{
	char line[1100];

	if (!*text || strpbrk(text, "*?[\\\n"))
		return;
	assert(select__exe_matches(text, text) && select__image_matches(text, text));
	if (!strncmp(text, CGROUP_MOUNT, sizeof(CGROUP_MOUNT) - 1))
		return; /* meant for another place */
	snprintf(line, sizeof(line), "0::%s\n", text);
	assert(select__cgroup_matches(text, line));
	snprintf(line, sizeof(line), "1:name=x:/other\n2:cpu,cpuacct:%s/below\n", text);
	assert(select__cgroup_matches(text, line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[1024], *end;

	if (len >= sizeof(text))
		return 0;
	memcpy(text, data, len);
	text[len] = 0;
	end = strchr(text, '\n');
	if (!end)
		return 0;
	*end++ = 0;
	select__exe_matches(text, end);
	select__image_matches(text, end);
	select__cgroup_matches(text, end);
	check_itself(text);
	return 0;
}
