// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines are variables. A first byte that is no letter stands for an option of the table: so every
 * type of value is read. Refused with a sentence, or accepted, printed as a file and read back as
 * the same. */
#include "nearest.h"
#define nearest__try(near, word) ((void)(near)) /* half of the time went there */
#include "agent/options.c"
#include "agent/options_env.c"
#include "agent/options_file.c"
#include "agent/options_print.c"
#include "agent/options_table.c"
#include "agent/options_value.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define VARIABLES 4

/* What is printed without where it came from; a value has its comment behind it. */
static char *print(struct opt_parse *p)
{
	char *printed = NULL;
	size_t len;
	FILE *to = open_memstream(&printed, &len);

	for (size_t i = 0; i < opt_table_n; i++)
		if (!opt_table[i].no_key &&
		    opt__origin(p->o, &opt_table[i])->level > LEVEL_DEFAULT) {
			fprintf(to, "%s: ", opt_table[i].name);
			opt__print_value(p->o, &opt_table[i], to);
			fputc('\n', to);
		}
	fclose(to);
	return printed;
}

static char *read_and_print(const char *yaml)
{
	struct options o = { .origins = calloc(opt_table_n, sizeof(struct opt_origin)) };
	char err[512] = "", *printed = NULL;
	struct opt_parse p = {
		.o = &o, .cmd = opt__command("run"), .err = err, .err_size = sizeof(err)
	};
	int rc = yaml ? opt__read_yaml(&p, "f", yaml, strlen(yaml)) : opt__read_env(&p);

	if (!rc == !!*err)
		abort();
	if (!rc)
		printed = print(&p);
	options__free(&p.ignored);
	options__free(&o);
	return printed;
}

static char *variable(char *line)
{
	const struct opt *opt = &opt_table[(unsigned char)*line % opt_table_n];
	char name[NAME_SIZE], *entry;

	opt__env_name(opt, name, sizeof(name));
	if (isalpha((unsigned char)*line) || asprintf(&entry, "%s=%s", name, line + 1) < 0)
		return strdup(line);
	return entry;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *entries[VARIABLES + 1] = { 0 }, **before = environ, *first, *second;
	char *text = strndup((const char *)data, len), *rest = text, *line;
	size_t n = 0;

	while (n < VARIABLES && (line = strsep(&rest, "\n")))
		if (*line)
			entries[n++] = variable(line);
	environ = entries;
	first = read_and_print(NULL);
	second = first ? read_and_print(first) : NULL;
	environ = before;
	if (first && (!second || strcmp(first, second)))
		abort();
	while (n--)
		free(entries[n]);
	free(first);
	free(second);
	free(text);
	return 0;
}
