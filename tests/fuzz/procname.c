// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The first byte says how much is the path of the executable; the rest is arguments, and an
 * environment. Names are clean, and to clean them again changes nothing. */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "procname.h"
#include "utf8.h"

static void check(const char *name)
{
	size_t left = strnlen(name, PROCNAME_MAX), n;
	char again[PROCNAME_MAX];
	const char *p = name;
	uint32_t cp;

	assert(left < PROCNAME_MAX && *name != ' ');
	procname__clean(again, name, left);
	assert(!strcmp(again, name));
	for (; left; left -= n, p += n) {
		n = utf8_next(p, left, &cp);
		assert(n && utf8_printable(cp));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char exe[256] = "", out[PROCNAME_MAX];
	struct procname n;
	char *rest;

	if (!len--)
		return 0;
	memcpy(exe, data + 1, *data < len ? *data : len);
	rest = malloc(len + 1); /* to the byte, for the sanitizer */
	memcpy(rest, data + 1, len);
	procname__from_program(out, exe, rest, len);
	check(out);
	procname__from_environ(&n, rest, len);
	check(n.service);
	check(n.namespace);
	check(n.instance);
	free(rest);
	return 0;
}
