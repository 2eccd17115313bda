// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table as people see it: --help, and the configuration with its origins. */
#include "options_internal.h"

#include <inttypes.h>
#include <string.h>

#define HELP_COLUMN 32
#define HELP_WIDTH  100

/* clang-format off */
static const char epilogue[] =
	"  -h, --help                    this text\n"
	"\n"
	"TIME is 500ms, 10s, 5m or 1h; SIZE is 512KiB or 64MiB. Lists: repeat the option, or, for\n"
	"ports, pids and methods, write 8080,8081. Each option may also come from the environment,\n"
	"as REDEYE_LOG_LEVEL=warn, and from the file of --config, as `log-level: warn`. A flag wins\n"
	"over the environment, the environment over the file; `redeye config` prints the outcome.\n";
/* clang-format on */

/* ---- --help ---- */

/* "  -o, --output FILE"; switches that are on by default are shown as --[no-]name. */
static void print_flag(const struct opt *opt, FILE *to)
{
	const char *no = opt->type == OPT_BOOL && opt->def ? "[no-]" : "";
	const char *metavar = opt->metavar ? opt->metavar : "";
	char flag[128];
	int n;

	n = snprintf(flag, sizeof(flag), opt->letter ? "  -%c, " : "      ", opt->letter);
	n += snprintf(flag + n, sizeof(flag) - n, "--%s%s%s%s", no, opt->name, *metavar ? " " : "",
		      metavar);
	if (n >= HELP_COLUMN)
		fprintf(to, "%s\n%*s", flag, HELP_COLUMN, "");
	else
		fprintf(to, "%-*s", HELP_COLUMN, flag);
}

/* A text in its column, in as many lines as it takes. */
static void print_wrapped(const char *text, FILE *to)
{
	size_t width = HELP_WIDTH - HELP_COLUMN, n;

	while (strlen(text) > width) {
		for (n = width; n && text[n] != ' '; n--)
			;
		n = n ? n : width;
		fprintf(to, "%.*s\n%*s", (int)n, text, HELP_COLUMN, "");
		text += n + (text[n] == ' ');
	}
	fprintf(to, "%s\n", text);
}

void opt__note(const struct opt *opt, char *note, size_t size)
{
	size_t n = snprintf(note, size, "%s", opt->help);

	if (opt->def && opt->type != OPT_BOOL) {
		n += snprintf(note + n, size - n, " (");
		for (int i = 0; opt->names && opt->names[i]; i++)
			n += snprintf(note + n, size - n, "%s%s", opt->names[i],
				      opt->names[i + 1] ? "|" : ", ");
		if (opt->type == OPT_U32)
			n += snprintf(note + n, size - n, "%" PRIu64 " to %" PRIu64 ", ", opt->min,
				      opt->max);
		snprintf(note + n, size - n, "default %s)", opt->def);
	}
}

void opt__print_help(const struct opt_command *cmd, FILE *to)
{
	const char *group = NULL;
	char note[512];

	fprintf(to, "Usage: redeye %s [OPTION]...%s%s\n%s\n", cmd->name, cmd->operand ? " " : "",
		cmd->operand ? cmd->operand : "", cmd->what);
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (!(opt->commands & cmd->bit) || opt->quiet)
			continue;
		if (opt->group != group)
			fprintf(to, "\n%s:\n", opt->group);
		group = opt->group;
		print_flag(opt, to);
		opt__note(opt, note, sizeof(note));
		print_wrapped(note, to);
	}
	fputs(epilogue, to);
}

/* ---- redeye config ---- */

/* A comment ends with its line: what would end it early is not shown. */
static void print_path(const char *path, FILE *to)
{
	for (; *path; path++)
		fputc((unsigned char)*path < 0x20 || *path == 0x7f ? '?' : *path, to);
}

static void print_origin(const struct options *o, const struct opt *opt, FILE *to)
{
	const struct opt_origin *origin = &o->origins[opt - opt_table];
	char name[64];

	fputs("  # ", to);
	switch (origin->level) {
	case LEVEL_FLAG:
		fputs("flag", to);
		break;
	case LEVEL_ENV:
		opt__env_name(opt, name, sizeof(name));
		fprintf(to, "env %s", origin->env_alias ? origin->env_alias : name);
		break;
	case LEVEL_FILE:
		print_path(o->config_file, to);
		fprintf(to, ":%u", origin->file_line);
		break;
	case LEVEL_DEFAULT:
	case LEVEL_UNSET:
		fputs("default", to);
		break;
	}
	fputc('\n', to);
}

void options__print(const struct options *o, const char *command, FILE *to)
{
	const struct opt_command *cmd = opt__command(command);

	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (!cmd || !(opt->commands & cmd->bit) || opt->no_key || opt->flag_only)
			continue;
		if (opt__is_secret(opt, opt__text(o, opt))) {
			fprintf(to, "# %s: set, and not shown", opt->name);
		} else {
			fprintf(to, "%s: ", opt->name);
			opt__print_value(o, opt, to);
		}
		print_origin(o, opt, to);
	}
}
