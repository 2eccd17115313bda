// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proto.h"

#include "http1.h"

const struct proto *const protos[] = { &http1_proto, NULL };

const char *const proto_drop_names[PROTO_DROP__CNT] = {
	[PROTO_DROP_EVICTED] = "conn_evicted", [PROTO_DROP_FULL] = "too_many_requests",
	[PROTO_DROP_NO_MEMORY] = "no_memory",  [PROTO_DROP_LOST] = "bytes_lost",
	[PROTO_DROP_ENDED] = "agent_stopped",
};

size_t proto__index(const struct proto *p)
{
	size_t i;

	for (i = 0; protos[i] && protos[i] != p; i++)
		;
	return i;
}
