// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Standard output. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "access_log_internal.h"

struct stdout_sink {
	struct access_log_sink base;
	struct access_log_stream stream;
};

static struct access_log_sink *new (const char *to, const struct access_log_config *c,
				    struct access_log_counts *counts)
{
	struct stdout_sink *s = calloc(1, sizeof(*s));
	struct outlet out;
	int err;

	if (!s)
		return NULL;
	access_log_stream__init(&s->stream, counts);
	err = outlet__open(&out, STDOUT_FILENO);
	if (err) {
		free(s);
		errno = -err;
		return NULL;
	}
	access_log_stream__open(&s->stream, out);
	s->base.counts = counts;
	return &s->base;
}

static int write_lines(struct access_log_sink *sink, const struct access_log_lines *l,
		       uint64_t until_ns)
{
	struct stdout_sink *s = (struct stdout_sink *)sink;
	uint32_t next = 0;
	int err = access_log_stream__write(&s->stream, l, &next, l->n, until_ns);

	access_log_counts__drop(sink->counts, l->n - next, err);
	return next < l->n ? err : 0;
}

static void free_sink(struct access_log_sink *sink)
{
	struct stdout_sink *s = (struct stdout_sink *)sink;

	access_log_stream__close(&s->stream);
	free(s);
}

const struct access_log_sink_type access_log_stdout = {
	.name = "stdout",
	.new = new,
	.write = write_lines,
	.free = free_sink,
};
