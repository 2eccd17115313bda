/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rpc.method of a call: the name as sent, if it is one of a bounded set, else "_OTHER".
 *
 * A name joins the set with the first call that was not answered UNIMPLEMENTED (or, where
 * there is no status, 404 and the like), which is how a server says that it has no such
 * method: so scanners leave no trace in it, while a known method that says UNIMPLEMENTED
 * itself keeps its name. Nothing leaves the set. What no method is called (too long, other
 * characters than visible ASCII) never gets in. The targets of operations (span.h) are bounded in
 * the same way; there a name joins with the first operation that succeeded. Event loop only.
 */
#ifndef RED_RPC_METHODS_H
#define RED_RPC_METHODS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

enum { RPC_METHOD_MAX = 255 };

struct rpc_method_slot {
	uint64_t hash;
	char *name; /* NULL: free */
};

struct rpc_methods {
	uint32_t max, n;
	uint32_t n_slots; /* power of two, at most half full; 0 until the first name */
	struct rpc_method_slot *slots;
	size_t bytes; /* heap */
};

extern const char rpc_method_other[]; /* "_OTHER" */

void rpc_methods__init(struct rpc_methods *m, uint32_t max);
void rpc_methods__free(struct rpc_methods *m);

/* Stays until rpc_methods__free. NULL: `name` is empty. `known` says that the answer does not
 * speak against the method: then a new name may join. */
const char *rpc_methods__get(struct rpc_methods *m, struct slice name, bool known);

#endif /* RED_RPC_METHODS_H */
