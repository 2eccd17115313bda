// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any stream of events, whole and cut anywhere: the same events. */
#include <stdint.h>
#include <stdlib.h>

#include "../../agent/sse.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct sum {
	size_t events, bytes;
	unsigned int hash;
};

static void add(void *arg, const char *name, const char *data, size_t len)
{
	struct sum *s = arg;

	if (data[len] || strlen(name) > SSE_NAME_MAX || !*name)
		abort();
	s->events++;
	s->bytes += len;
	for (size_t i = 0; i < len; i++)
		s->hash = s->hash * 31 + (unsigned char)data[i];
	for (; *name; name++)
		s->hash = s->hash * 31 + (unsigned char)*name;
}

static void feed(struct sum *sum, const char *p, size_t len, size_t step)
{
	struct sse s;
	size_t n;

	sse__init(&s, add, sum);
	for (; len; p += n, len -= n) {
		n = step < len ? step : len;
		if (sse__feed(&s, p, n))
			abort(); /* the input is far shorter than its bound */
	}
	sse__free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sum whole = { 0 }, cut = { 0 };

	if (!len)
		return 0;
	feed(&whole, (const char *)data + 1, len - 1, len);
	feed(&cut, (const char *)data + 1, len - 1, data[0] % 16 + 1);
	if (memcmp(&whole, &cut, sizeof(whole)))
		abort();
	return 0;
}
