// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "man_page.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "options_internal.h"

/* ---- text ----------------------------------------------------------------------------------- */

/* Text in which nothing is a request, and dashes and quotes are those that one types. */
static void put(const char *s, FILE *to)
{
	static const struct {
		char c;
		const char *as;
	} escapes[] = {
		{ '\\', "\\e" },  { '-', "\\-" },   { '\'', "\\(aq" }, { '^', "\\(ha" },
		{ '`', "\\(ga" }, { '~', "\\(ti" }, { '"', "\\(dq" },
	};
	size_t i;

	if (*s == '.')
		fputs("\\&", to);
	for (; *s; s++) {
		for (i = 0; i < 7 && escapes[i].c != *s; i++)
			;
		if (i < 7)
			fputs(escapes[i].as, to);
		else
			fputc(*s, to);
	}
}

static void put_line(const char *s, FILE *to)
{
	put(s, to);
	fputc('\n', to);
}

/* A sentence: a capital and a full stop. */
static void put_sentence(const char *s, FILE *to)
{
	char text[1024];
	size_t n = snprintf(text, sizeof(text), "%s", s);

	text[0] = (char)toupper((unsigned char)text[0]);
	n = n < sizeof(text) ? n : sizeof(text) - 1;
	put(text, to);
	fputs(n && text[n - 1] == '.' ? "\n" : ".\n", to);
}

static void section(const char *name, FILE *to)
{
	fprintf(to, ".SH %s\n", name);
}

/* Of the build, in the form that all readers of manuals know; it can be fixed from outside. */
static void put_date(FILE *to)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *date = __DATE__; /* "Nov  8 2026" */
	int month = 1;

	while (month < 12 && strncmp(months + 3 * (month - 1), date, 3))
		month++;
	fprintf(to, "%.4s-%02d-%c%c", date + 7, month, date[4] == ' ' ? '0' : date[4], date[5]);
}

/* ---- sections ------------------------------------------------------------------------------- */

static void print_head(FILE *to)
{
	fputs(".TH REDEYE 1 ", to);
	put_date(to);
	fputs(" \"redeye " REDEYE_VERSION "\" \"User Commands\"\n", to);
	section("NAME", to);
	fputs("redeye \\- rate, errors and duration of services, from the kernel\n", to);
	section("SYNOPSIS", to);
	fputs(".B redeye\n.I COMMAND\n.RI [ OPTION ]...\n", to);
	section("DESCRIPTION", to);
	put_line(
		"redeye shows what every HTTP and gRPC server on a Linux host is doing, without a "
		"change to any of them. eBPF programs on the sockets see requests and responses of "
		"the processes that are selected; they become metrics for Prometheus, traces for "
		"any OTLP backend, a JSON access log, a page in the browser and tables in the "
		"terminal.",
		to);
	fputs(".PP\n", to);
	put_line(
		"Each option may also come from the environment and, but for --config, from the "
		"file of --config, unless it is said to be a flag only. A flag wins over the "
		"environment, the environment over the file. TIME is 500ms, 10s, 5m or 1h; SIZE is "
		"512KiB or 64MiB. Lists: repeat the option, or, for ports, pids and methods, write "
		"8080,8081.",
		to);
}

static void print_commands(const struct command_row *rows, size_t n, FILE *to)
{
	section("COMMANDS", to);
	for (size_t i = 0; i < n; i++) {
		const struct opt_command *cmd = opt__command(rows[i].name);

		fprintf(to, ".TP\n\\fB%s\\fR", rows[i].name);
		if (cmd && cmd->operand)
			fprintf(to, " \\fI%s\\fR", cmd->operand);
		fputc('\n', to);
		put_sentence(rows[i].help, to);
	}
}

/* "Of run, record." */
static void put_commands_of(const struct opt *opt, const struct command_row *rows, size_t n,
			    FILE *to)
{
	const char *before = "Of ";

	for (size_t i = 0; i < n; i++) {
		const struct opt_command *cmd = opt__command(rows[i].name);

		if (!cmd || !(cmd->bit & opt->commands))
			continue;
		fprintf(to, "%s\\fB%s\\fR", before, rows[i].name);
		before = ", ";
	}
	fprintf(to, ".%s\n", opt->flag_only ? " A flag only." : "");
}

static void print_option(const struct opt *opt, const struct command_row *rows, size_t n, FILE *to)
{
	char note[512];

	fputs(".TP\n\\fB", to);
	if (opt->letter)
		fprintf(to, "\\-%c\\fR, \\fB", opt->letter);
	put("--", to);
	put(opt->name, to);
	fputs("\\fR", to);
	if (opt->metavar) {
		fputs(" \\fI", to);
		put(opt->metavar, to);
		fputs("\\fR", to);
	}
	if (opt->type == OPT_BOOL && opt->def) {
		fputs(", \\fB", to);
		put("--no-", to);
		put(opt->name, to);
		fputs("\\fR", to);
	}
	fputc('\n', to);
	opt__note(opt, note, sizeof(note));
	put_sentence(note, to);
	put_commands_of(opt, rows, n, to);
}

static void print_options(const struct command_row *rows, size_t n, FILE *to)
{
	const char *group = NULL;

	section("OPTIONS", to);
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (opt->group != group) {
			fputs(".SS \"", to);
			put(opt->group, to);
			fputs("\"\n", to);
		}
		group = opt->group;
		print_option(opt, rows, n, to);
	}
}

static void print_environment(FILE *to)
{
	section("ENVIRONMENT", to);
	fputs(".TP\n\\fBREDEYE_\\fINAME\\fR\n", to);
	put_line("The option --name: REDEYE_LOG_LEVEL=warn is --log-level warn. An unknown name is "
		 "an "
		 "error.",
		 to);
	fputs(".TP\n.B NO_COLOR\n", to);
	put_line("When it is not empty, top and tail use no colours.", to);
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (!opt->env_alias)
			continue;
		fprintf(to, ".TP\n.B %s\n", opt->env_alias);
		fputs("As \\fB", to);
		put("--", to);
		put(opt->name, to);
		fputs("\\fR, when nothing of redeye's own says it.\n", to);
	}
}

static void print_files(FILE *to)
{
	section("FILES", to);
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (!opt->def || *opt->def != '/')
			continue;
		fprintf(to, ".TP\n.I %s\n", opt->def);
		put_sentence(opt->help, to);
		fputs("Another one: \\fB", to);
		put("--", to);
		put(opt->name, to);
		fputs("\\fR.\n", to);
	}
}

static void print_tail(FILE *to)
{
	static const struct {
		const char *line, *what;
	} examples[] = {
		{ "redeye run --port 8080", "Watch what listens on port 8080, serve its metrics." },
		{ "redeye top", "Look at what a redeye that runs here sees." },
		{ "redeye top --once --service shop", "The routes of one service, as text." },
		{ "redeye tail --port 8080 --status 5xx", "Only what fails, without an agent." },
		{ "redeye tail --json --min-duration 1s", "What is slow, for another program." },
	};
	static const char *const statuses[][2] = {
		{ "0", "It did what was asked." },
		{ "1", "Something failed, and a sentence on standard error says what." },
		{ "2", "The command line, a variable or the file of --config was wrong." },
	};

	section("EXIT STATUS", to);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		fprintf(to, ".TP\n.B %s\n", statuses[i][0]);
		put_line(statuses[i][1], to);
	}
	section("EXAMPLES", to);
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		fputs(".TP\n.B \"", to);
		put(examples[i].line, to);
		fputs("\"\n", to);
		put_line(examples[i].what, to);
	}
	section("SEE ALSO", to);
	fputs(".BR bpf (2),\n.BR capabilities (7)\n", to);
}

void man_page__print(const struct command_row *rows, size_t n, FILE *to)
{
	print_head(to);
	print_commands(rows, n, to);
	print_options(rows, n, to);
	print_environment(to);
	print_files(to);
	print_tail(to);
}
