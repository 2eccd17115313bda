// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines are calls: a byte that says whether the method is known, then its name. What has a name
 * of its own is visible ASCII, keeps it, and is one of few. */
#undef NDEBUG
#include <assert.h>

#include "../../agent/rpc_methods.c"

#define MAX 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice in = { (const char *)data, len }, line, name;
	struct rpc_methods m;
	const char *method;

	rpc_methods__init(&m, MAX);
	for (; in.len; in = slice_skip(in, line.len + (line.len < in.len))) {
		line = (struct slice){ in.p, slice_until(in, '\n') };
		if (!line.len)
			continue;
		name = slice_skip(line, 1);
		method = rpc_methods__get(&m, name, line.p[0] & 1);
		assert(!method == !name.len && m.n <= MAX && m.bytes < 4096);
		if (!method)
			continue;
		assert(method == rpc_method_other || slice_eq(slice_of(method), name));
		assert(method == rpc_method_other || is_name(name));
		assert(method == rpc_method_other || rpc_methods__get(&m, name, false) == method);
	}
	rpc_methods__free(&m);
	return 0;
}
