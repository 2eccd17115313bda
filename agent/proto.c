// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proto.h"

#include "http1.h"
#include "http2.h"

const struct proto *const protos[PROTO__CNT + 1] = {
	[PROTO_HTTP1] = &http1_proto,
	[PROTO_HTTP2] = &http2_proto,
};

const char *const proto_drop_names[PROTO_DROP__CNT] = {
	[PROTO_DROP_EVICTED] = "conn_evicted", [PROTO_DROP_FULL] = "too_many_requests",
	[PROTO_DROP_NO_MEMORY] = "no_memory",  [PROTO_DROP_LOST] = "bytes_lost",
	[PROTO_DROP_ENDED] = "agent_stopped",
};
