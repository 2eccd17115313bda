/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Standard error while a program draws on the terminal: kept in memory, and written afterwards. */
#ifndef RED_HELD_LOG_H
#define RED_HELD_LOG_H

enum { HELD_LOG_MAX = 65536 }; /* what comes after so many bytes is lost */

/* Any thread may write meanwhile. Once at a time. When it cannot be had, nothing changes. */
void held_log__begin(void);
void held_log__end(void);

#endif /* RED_HELD_LOG_H */
