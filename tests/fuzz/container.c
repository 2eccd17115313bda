// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as the text of /proc/PID/cgroup. */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>

#include "../../agent/container.c"

static void check(const struct container *c, const char *text, size_t len)
{
	assert(!*c->id || strlen(c->id) == CONTAINER_ID_LEN);
	assert(!*c->id || memmem(text, len, c->id, CONTAINER_ID_LEN));
	assert(!*c->pod_uid || strlen(c->pod_uid) == 36 || strlen(c->pod_uid) == 32);
	assert(!c->runtime || *c->id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char unit[CONTAINER_UNIT_MAX];
	struct container c;

	container__parse(&c, (const char *)data, len);
	container__unit(unit, (const char *)data, len);
	assert(!*unit || memmem(data, len, unit, strlen(unit)));
	check(&c, (const char *)data, len);
	if (len && !data[len - 1]) {
		char uid[CONTAINER_UID_MAX];

		assert(!container__pod_of_mount(uid, (const char *)data) || strlen(uid) >= 32);
	}
	return 0;
}
