// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes in a message: one line in which a terminal finds nothing to obey. */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

static char said[65536];
static size_t said_len;

static ssize_t keep(const void *p, size_t len)
{
	__builtin_memcpy(said, p, len);
	said_len = len;
	return len;
}

#define write(fd, p, len) keep(p, len)
#include "../../agent/log.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint32_t cp;

	log__error("%.*s", (int)len, (const char *)data);
	assert(said_len < LINE_SIZE && said[said_len - 1] == '\n');
	for (size_t at = 0, n; at < said_len - 1; at += n) {
		n = utf8_next(said + at, said_len - at, &cp);
		assert(n && utf8_printable(cp));
	}
	return 0;
}
