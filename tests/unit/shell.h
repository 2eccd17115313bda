/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef RED_TEST_SHELL_H
#define RED_TEST_SHELL_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* As system(3), of a command that is put together. */
__attribute__((format(printf, 1, 2))) static inline int shell(const char *fmt, ...)
{
	char command[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command);
}

#endif /* RED_TEST_SHELL_H */
