// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * heap RECORDING: bytes of the heap that redeye has taken for what is in it, while all of it is
 * still known. The malloc of libc counts them, its own headers included. One recording says
 * little, the difference of two that differ in one thing says what that takes.
 */
#include <malloc.h>
#include <stdio.h>

#include "options.h"
#include "pipeline.h"
#include "procs.h"
#include "recording.h"

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static int play(struct pipeline *p, const char *path)
{
	char err[256] = "";
	struct recording_reader *in = recording_reader__new(path, err, sizeof(err));
	const struct red_hdr *h;
	int rc = in ? 1 : -1;

	while (in && (rc = recording_reader__next(in, &h, err, sizeof(err))) > 0)
		if (h->kind != RED_EV_CLOSE)
			pipeline__record(p, h, h->len);
	recording_reader__free(in);
	if (rc)
		fprintf(stderr, "heap: %s: %s\n", path, err);
	return rc;
}

int main(int argc, char **argv)
{
	char *replay[] = { "replay", argc > 1 ? argv[1] : "", NULL };
	struct procs_config pc = { .proc_root = "" };
	struct pipeline_config c;
	struct pipeline *p;
	struct options o;
	char err[256];
	size_t before;
	int rc = 1;

	if (options__parse(&o, "replay", 2, replay, err, sizeof(err))) {
		fprintf(stderr, "heap: %s\n", err);
		return 2;
	}
	c = (struct pipeline_config){ .options = &o, .procs = procs__new(&pc) };
	p = c.procs ? pipeline__new(&c) : NULL;
	before = in_use();
	if (p && !play(p, argv[1])) {
		printf("%zu\n", in_use() - before);
		rc = 0;
	}
	pipeline__free(p);
	procs__free(c.procs);
	options__free(&o);
	return rc;
}
