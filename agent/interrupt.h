/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SIGINT, SIGTERM and SIGHUP as something to wait for, for commands without an event loop. */
#ifndef RED_INTERRUPT_H
#define RED_INTERRUPT_H

#include <stdbool.h>

/* From now on these signals end nothing by themselves, and a closed pipe is an error to write to.
 * Once. */
void interrupt__init(void);
bool interrupt__came(void);
int interrupt__fd(
	void); /* readable, and stays so, when one came; -1 when there was no descriptor left */

#endif /* RED_INTERRUPT_H */
