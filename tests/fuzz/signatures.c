// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any text as signatures: read whole, or refused with a sentence that says where. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>

#include "../../uprobes/signatures.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char why[256] = "", *text = malloc(len ? len : 1); /* to the byte, for the sanitizer */
	struct signatures *s;

	if (len)
		memcpy(text, data, len);
	s = signatures__parse("f", text, len, why, sizeof(why));
	free(text);
	assert(s ? !why[0] : !strncmp(why, "f:", 2));
	for (size_t i = 0; s && i < s->n; i++) {
		assert(s->v[i].len >= BYTES_MIN && s->v[i].len <= BYTES_MAX);
		assert(*s->v[i].name && *s->v[i].build_id && strlen(s->v[i].build_id) <= 128);
		assert(!i || by_key(&s->v[i - 1], &s->v[i]) <= 0);
	}
	signatures__free(s);
	return 0;
}
