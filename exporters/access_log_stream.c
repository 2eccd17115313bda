// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A write may take less than it was given: a pipe has room for a page, a disk for
 * half a line. What was begun of a line is taken back where that can be done (a
 * regular file is cut), else its rest goes first next time. So a reader never
 * sees two lines in one.
 *
 * A receiver that stops reading is waited for once; until it reads again the
 * lines that it has no room for are given up at once, lest the thread, and with
 * it the end of the program, waits again and again.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access_log_internal.h"
#include "loop.h"

void access_log_stream__init(struct access_log_stream *s, struct access_log_counts *counts)
{
	s->counts = counts;
	s->to.fd = -1;
	s->tail_len = 0;
}

void access_log_stream__open(struct access_log_stream *s, struct outlet to)
{
	s->to = to;
	s->stuck = false;
}

void access_log_stream__close(struct access_log_stream *s)
{
	outlet__close(&s->to);
	if (s->tail_len) /* will never be whole */
		access_log_counts__drop(s->counts, 1, -EPIPE);
	s->tail_len = 0;
}

/* How much of it went out; *err is why not all. */
static size_t put(struct access_log_stream *s, const char *p, size_t len, uint64_t until_ns,
		  int *err)
{
	size_t done = 0;
	ssize_t n;

	*err = 0;
	while (done < len) {
		n = outlet__put(&s->to, p + done, len - done);
		if (n > 0) {
			done += (size_t)n;
			s->stuck = false;
		} else if (n == -EAGAIN && !s->stuck && mono_ns() < until_ns &&
			   outlet__wait_for(s->to.fd, until_ns)) {
			continue;
		} else {
			*err = n ? (int)n : -EIO;
			break;
		}
	}
	if (*err == -EAGAIN && !done)
		s->stuck = true;
	return done;
}

static void count(struct access_log_stream *s, uint64_t lines, size_t bytes)
{
	atomic_fetch_add_explicit(&s->counts->lines, lines, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->counts->bytes, bytes, memory_order_relaxed);
}

static int put_tail(struct access_log_stream *s, uint64_t until_ns)
{
	size_t done;
	int err;

	if (!s->tail_len)
		return 0;
	done = put(s, s->tail, s->tail_len, until_ns, &err);
	s->tail_len -= done;
	memmove(s->tail, s->tail + done, s->tail_len);
	count(s, !s->tail_len, done);
	return err;
}

/* Takes the last `part` bytes back, unless somebody else has written behind them. */
static bool take_back(struct access_log_stream *s, size_t part)
{
	off_t at = S_ISREG(s->to.type) ? lseek(s->to.fd, 0, SEEK_CUR) : -1;
	struct stat st;

	return at >= (off_t)part && !fstat(s->to.fd, &st) && st.st_size == at &&
	       !ftruncate(s->to.fd, at - (off_t)part);
}

int access_log_stream__write(struct access_log_stream *s, const struct access_log_lines *l,
			     uint32_t *next, uint32_t end, uint64_t until_ns)
{
	uint32_t start = access_log_lines__start(l, *next), line = *next;
	int err = put_tail(s, until_ns);
	size_t done;

	if (err || line == end)
		return err;
	done = start + put(s, l->text + start, l->end[end - 1] - start, until_ns, &err);
	while (line < end && l->end[line] <= done)
		line++;
	count(s, line - *next, access_log_lines__start(l, line) - start);
	*next = line;
	start = access_log_lines__start(l, line);
	if (done == start || take_back(s, done - start))
		return err;
	s->tail_len = l->end[line] - done;
	memcpy(s->tail, l->text + done, s->tail_len);
	count(s, 0, done - start);
	*next = line + 1;
	return err;
}
