// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "txn.h"

void txn__refuse(struct proto_stat *stat, enum proto_drop why)
{
	stat->observed++;
	stat->dropped[why]++;
}

const char *txn__failure(const struct proto_env *env, const struct request *r, uint8_t flags)
{
	bool server = r->kind == SPAN_SERVER;

	if (env->ops.ended(env->ops.arg, r->tgid))
		return "process_exited";
	if (flags & RED_STATE_TIMEOUT)
		return "timeout";
	if (flags & RED_STATE_RESET)
		return "connection_reset";
	if (flags & RED_STATE_PEER)
		return server ? "client_closed" : "connection_closed";
	return server ? "connection_closed" : "cancelled";
}
