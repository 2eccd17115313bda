// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as the body of a list of pods or, by the first byte, of a watch, in two pieces: what
 * comes of it is counted, and the version to watch from fits its room. */
#undef NDEBUG
#include <assert.h>

#include "../../agent/k8s_client_objects.c"

static uint64_t errors(const struct k8s_client *c)
{
	uint64_t n = 0;

	for (int i = 0; i < K8S_ERROR__CNT; i++)
		n += atomic_load(&c->errors[i]);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct k8s_queue *queue; /* closed: what is put is freed */
	static struct k8s_wants none;
	struct k8s_client c = { .wants = &none };
	const char *p = (const char *)data + 1;
	size_t half;

	if (!len)
		return 0;
	if (!queue) {
		queue = k8s_queue__new();
		k8s_queue__close(queue);
	}
	c.queue = queue;
	c.cut = (struct k8s_cut){ .max = 2048, .object = k8s_client__on_object, .arg = &c };
	half = (len - 1) * (data[0] >> 1) / 127;
	k8s_cut__reset(&c.cut, data[0] & 1);
	if (!k8s_client__on_body(&c, p, half))
		k8s_client__on_body(&c, p + half, len - 1 - half);
	assert(atomic_load(&c.events) + errors(&c) <= len);
	assert(strnlen(c.version, VERSION_MAX) < VERSION_MAX);
	assert(strnlen(c.more, CONTINUE_MAX) < CONTINUE_MAX);
	assert(!c.event_failed || errors(&c));
	k8s_cut__free(&c.cut);
	return 0;
}
