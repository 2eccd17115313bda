// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a configuration file: refused with a sentence that names the line, or
 * accepted, and then printed as a file that is accepted and prints the same, origins
 * included: once every line is there, the next file's origins are the same lines. What is
 * secret is not printed, and so has its line one file later. */
#include "nearest.h"
#define nearest__try(near, word) ((void)(near)) /* half of the time went there */
#include "agent/options.c"
#include "agent/options_env.c"
#include "agent/options_file.c"
#include "agent/options_print.c"
#include "agent/options_table.c"
#include "agent/options_value.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The configuration as text, or NULL when the file is refused. */
static char *read_and_print(const char *text, size_t len, char *err, size_t err_size)
{
	struct options o = { .origins = calloc(opt_table_n, sizeof(struct opt_origin)) };
	struct opt_parse p = { .o = &o, .cmd = opt__command("run"), .err = err };
	char *printed = NULL;
	size_t printed_len;
	FILE *to;

	p.err_size = err_size;
	o.config_file = strdup("f");
	if (!opt__read_yaml(&p, "f", text, len) && !set_defaults(&p)) {
		to = open_memstream(&printed, &printed_len);
		options__print(&o, "run", to);
		fclose(to);
	}
	options__free(&p.ignored);
	options__free(&o);
	return printed;
}

/* What is printed when that is read which was printed. Frees it. */
static char *again(char *printed)
{
	char err[256] = "", *next = read_and_print(printed, strlen(printed), err, sizeof(err));

	if (!next)
		abort();
	free(printed);
	return next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char err[256] = "", *printed, *next;
	bool whole;

	printed = read_and_print((const char *)data, len, err, sizeof(err));
	if (!printed && strncmp(err, "f:", 2))
		abort();
	if (!printed)
		return 0;
	whole = !strstr(printed, ": set, and not shown  # "); /* secrets: one file later */
	printed = again(printed);
	if (!whole)
		printed = again(printed);
	next = again(strdup(printed));
	if (strcmp(printed, next))
		abort();
	free(printed);
	free(next);
	return 0;
}
