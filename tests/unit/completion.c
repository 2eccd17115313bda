// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Completion and the manual page: nothing of the tables is missing, and their readers take them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "completion.h"
#include "man_page.h"
#include "options_internal.h"

#define N(array)  (sizeof(array) / sizeof((array)[0]))
#define TEXT_SIZE (1 << 20)

static const struct command_row rows[] = {
	{ "run", NULL, "watch [all]: 'it'" },
	{ "record", NULL, "b" },
	{ "replay", NULL, "c" },
	{ "top", NULL, "\\d" },
	{ "tail", NULL, "e" },
	{ "doctor", NULL, ".f" },
	{ "signatures", NULL, "'g" },
	{ "config", NULL, "h" },
	{ "version", NULL, "i" },
	{ "completion", NULL, "a b" },
	{ "help", NULL, "j" },
};

static char *text; /* of the last print */

static FILE *open_text(void)
{
	free(text);
	text = calloc(1, TEXT_SIZE);
	assert_non_null(text);
	return fmemopen(text, TEXT_SIZE, "w");
}

static void print(const char *shell)
{
	FILE *f = open_text();

	assert_true(completion__print(shell, rows, N(rows), f));
	assert_int_equal(fclose(f), 0);
	assert_true(strlen(text) < TEXT_SIZE - 1);
}

static void print_man(void)
{
	FILE *f = open_text();

	man_page__print(rows, N(rows), f);
	assert_int_equal(fclose(f), 0);
	assert_true(strlen(text) < TEXT_SIZE - 1);
}

/* Is `before`, name, and then something that is no part of a name in the text? */
static bool has(const char *before, const char *name)
{
	char word[128];
	int n = snprintf(word, sizeof(word), "%s%s", before, name);

	for (const char *s = text; (s = strstr(s, word)); s++) {
		if (!strchr("abcdefghijklmnopqrstuvwxyz-\\", s[n]))
			return true;
	}
	return false;
}

static void every_option_and_command_is_there(void **state)
{
	static const char *const before[] = { "--", "--", " -l " };

	for (size_t shell = 0; completion_shells[shell]; shell++) {
		print(completion_shells[shell]);
		for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
			if (!opt->quiet && !has(before[shell], opt->name))
				fail_msg("%s: no %s", completion_shells[shell], opt->name);
		}
		for (size_t i = 0; i < N(rows); i++)
			assert_non_null(strstr(text, rows[i].name));
	}
}

static void every_option_is_in_the_manual(void **state)
{
	char name[128];

	print_man();
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		size_t n = 0;

		for (const char *s = opt->name; *s; s++)
			n += snprintf(name + n, sizeof(name) - n, *s == '-' ? "\\-" : "%c", *s);
		snprintf(name + n, sizeof(name) - n, "\\fR");
		if (!has("\\fB\\-\\-", name))
			fail_msg("no %s", opt->name);
		if (opt->env_alias)
			assert_true(has(".B ", opt->env_alias));
	}
	assert_non_null(strstr(text, "\n.SH EXIT STATUS\n"));
}

/* Runs a program with the text as its input; its output, which must be empty, and status. */
static void assert_accepted(const char *command)
{
	FILE *f = fopen("completion.txt", "w");
	char out[4096] = "", line[512];
	FILE *p;

	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	snprintf(line, sizeof(line), "%s <completion.txt 2>&1", command);
	p = popen(line, "r");
	out[fread(out, 1, sizeof(out) - 1, p)] = '\0';
	if (pclose(p) || *out)
		fail_msg("%s: %s", command, out);
	remove("completion.txt");
}

static bool is_installed(const char *program)
{
	char line[128];

	snprintf(line, sizeof(line), "command -v %s >/dev/null 2>&1", program);
	return system(line) == 0;
}

/* bash, because the words of its lists are only known by running it: tests/terminal does. */
static void their_readers_take_them(void **state)
{
	static const struct {
		const char *shell, *program, *command; /* shell NULL: the manual */
	} readers[] = {
		{ "bash", "bash", "bash -n" },
		{ "zsh", "zsh", "zsh -n" },
		{ "fish", "fish", "fish -n" },
		{ NULL, "groff", "groff -man -ww -z" },
		{ NULL, "mandoc", "mandoc -Tlint -Wwarning" },
	};

	for (size_t i = 0; i < N(readers); i++) {
		if (!is_installed(readers[i].program)) {
			print_message("skipped: %s is not installed\n", readers[i].program);
			continue;
		}
		if (readers[i].shell)
			print(readers[i].shell);
		else
			print_man();
		assert_accepted(readers[i].command);
	}
}

static void nothing_in_the_manual_is_a_request(void **state)
{
	print_man();
	assert_non_null(strstr(text, "\n\\&.f.\n"));
	assert_non_null(strstr(text, "\n\\(aqg.\n"));
	assert_non_null(strstr(text, "\n\\ed.\n"));
}

/* bash has them in the words of its lists. */
static void short_flags_are_offered(void **state)
{
	char zsh[16], fish[16];

	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (!opt->letter)
			continue;
		snprintf(zsh, sizeof(zsh), "'-%c", opt->letter);
		snprintf(fish, sizeof(fish), " -s %c ", opt->letter);
		print("zsh");
		assert_non_null(strstr(text, zsh));
		print("fish");
		assert_non_null(strstr(text, fish));
	}
}

static void other_shells_are_unknown(void **state)
{
	FILE *f = open_text();

	assert_false(completion__print("tcsh", rows, N(rows), f));
	assert_int_equal(fclose(f), 0);
	assert_string_equal(text, "");
}

static char dir[] = "/tmp/redeye-completion-XXXXXX";

static int enter_directory(void **state)
{
	return !mkdtemp(dir) || chdir(dir);
}

static int leave_directory(void **state)
{
	free(text);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_and_command_is_there),
		cmocka_unit_test(every_option_is_in_the_manual),
		cmocka_unit_test(their_readers_take_them),
		cmocka_unit_test(nothing_in_the_manual_is_a_request),
		cmocka_unit_test(short_flags_are_offered),
		cmocka_unit_test(other_shells_are_unknown),
	};

	return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
