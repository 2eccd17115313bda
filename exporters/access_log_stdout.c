// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Standard output. A pipe or a terminal is opened once more, because O_NONBLOCK
 * on the descriptor itself would also change it for the shell and everybody else
 * who has it. A file is not: the second opening would have a position of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access_log_internal.h"

struct stdout_sink {
	struct access_log_sink base;
	struct access_log_stream stream;
};

static int open_again(void)
{
	return open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static int open_stdout(struct access_log_stream *s)
{
	struct stat st;
	int fd = -1, can_block;

	if (fstat(STDOUT_FILENO, &st))
		return -errno;
	can_block = S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode);
	if (can_block)
		fd = open_again();
	can_block = can_block && fd < 0;
	if (fd < 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	access_log_stream__open(s, fd, st.st_mode);
	s->blocking = can_block;
	return 0;
}

static struct access_log_sink *new (const char *to, const struct access_log_config *c,
				    struct access_log_counts *counts)
{
	struct stdout_sink *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return NULL;
	access_log_stream__init(&s->stream, counts);
	err = open_stdout(&s->stream);
	if (err) {
		free(s);
		errno = -err;
		return NULL;
	}
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
