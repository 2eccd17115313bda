// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two functions; the first byte says where one ends. */
#undef NDEBUG
#include <assert.h>

#include "../../uprobes/cheap_site.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t one, at;
	uint64_t callee;

	if (!len--)
		return 0;
	one = *data++ < len ? data[-1] : len;
	at = cheap_site__entry(data, one);
	assert(at <= one && (!at || cheap_site__is(data + at, one - at)));
	callee = cheap_site__callee(data, one, 4096, data + one, len - one, 4096 + one);
	/* the call is there, and it is the first thing that the other does */
	assert(!callee || (one >= 5 && len - one >= 9));
	return 0;
}
