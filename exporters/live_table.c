// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live_table.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop.h"
#include "outlet.h"
#include "table.h"

#define LAST_PATIENCE_NS 1000000000ull

struct live_table {
	struct table *table;
	struct outlet out;
	FILE *to; /* into text */
	char *text;
	size_t len, done; /* of the text; how much of it went out */
};

static int begin(struct live_table *t, int fd)
{
	bool terminal = isatty(fd);
	int err = outlet__open(&t->out, fd);

	if (err)
		return err;
	t->to = open_memstream(&t->text, &t->len);
	t->table = t->to ? table__new(t->to, terminal ? t->out.fd : -1) : NULL;
	return t->table ? 0 : -errno;
}

struct live_table *live_table__new(int fd)
{
	struct live_table *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return NULL;
	t->out.fd = -1;
	err = begin(t, fd);
	if (!err)
		return t;
	live_table__free(t);
	errno = -err;
	return NULL;
}

/* True when all went out, or will never. */
static bool put_rest(struct live_table *t)
{
	ssize_t n;

	while (t->done < t->len) {
		n = outlet__put(&t->out, t->text + t->done, t->len - t->done);
		if (n == -EAGAIN)
			return false;
		t->done = n > 0 ? t->done + (size_t)n : t->len;
	}
	return true;
}

bool live_table__is_read(struct live_table *t)
{
	return put_rest(t) && outlet__wait_for(t->out.fd, 0);
}

void live_table__print(struct live_table *t, const struct metrics *m, const char *note)
{
	if (!live_table__is_read(t))
		return;
	rewind(t->to);
	table__print(t->table, m, note);
	t->done = 0;
	put_rest(t);
}

void live_table__free(struct live_table *t)
{
	uint64_t until = mono_ns() + LAST_PATIENCE_NS;

	if (!t)
		return;
	while (!put_rest(t) && outlet__wait_for(t->out.fd, until))
		;
	table__free(t->table);
	if (t->to)
		fclose(t->to);
	free(t->text);
	outlet__close(&t->out);
	free(t);
}
