// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The embedded object whose pages were given up is the same when it is opened again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skeleton.h"

/* Bytes of this mapping that are resident. */
static size_t resident(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long from, to, kb = 0;
	bool here = false;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (uintptr_t)p && (uintptr_t)p < to;
		else if (here && sscanf(line, "Rss: %lu kB", &kb) == 1)
			break;
	}
	fclose(f);
	return kb * 1024;
}

static void opened_again(void **state)
{
	struct redeye_bpf *s = skeleton__open();
	size_t n, before;
	const void *p;
	char *copy;

	assert_non_null(s);
	p = s->skeleton->data;
	n = s->skeleton->data_sz;
	copy = malloc(n);
	assert_non_null(copy);
	memcpy(copy, p, n);
	redeye_bpf__destroy(s);

	before = resident(p);
	skeleton__unneeded();
	assert_true(resident(p) + n <= before + 2 * 65536); /* but for the pages at its ends */

	s = skeleton__open();
	assert_non_null(s);
	assert_ptr_equal(s->skeleton->data, p);
	assert_memory_equal(p, copy, n);
	redeye_bpf__destroy(s);
	free(copy);
}

/* Nothing was opened. */
static void nothing_to_give_up(void **state)
{
	skeleton__unneeded();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_give_up),
		cmocka_unit_test(opened_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
