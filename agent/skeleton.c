// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "skeleton.h"

struct redeye_bpf *skeleton__open(void)
{
	return redeye_bpf__open();
}
