// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proto.h"

const struct proto *const protos[PROTO__CNT + 1] = {
#define X(NAME, name) [PROTO_##NAME] = &name##_proto,
	PROTO_TABLE(X)
#undef X
};

const char *const proto_drop_names[PROTO_DROP__CNT] = {
	[PROTO_DROP_EVICTED] = "conn_evicted", [PROTO_DROP_FULL] = "too_many_requests",
	[PROTO_DROP_NO_MEMORY] = "no_memory",  [PROTO_DROP_LOST] = "bytes_lost",
	[PROTO_DROP_ENDED] = "agent_stopped",  [PROTO_DROP_NOT_SELECTED] = "not_selected",
};
