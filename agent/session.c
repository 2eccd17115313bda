// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

struct session {
	const char *socket;
};

struct session *session__start(const struct options *o, char *err, size_t err_size)
{
	struct session *s;

	if (!strcmp(o->socket, "none")) {
		snprintf(err, err_size,
			 "nothing to ask: --socket none; give the PATH of an agent's socket");
		errno = EINVAL;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(err, err_size, "out of memory");
		return NULL;
	}
	s->socket = o->socket;
	return s;
}

void session__free(struct session *s)
{
	free(s);
}

const char *session__socket(const struct session *s)
{
	return s->socket;
}
