// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#undef NDEBUG
#include <assert.h>

#include "proto.h"
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	converse(&http1_proto, data, len);
	return 0;
}
