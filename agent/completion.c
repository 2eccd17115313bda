// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Each shell has its own idea of a completion. bash runs a function of ours, in which two `case`
 * say what words there are; zsh and fish are told of each option. What an option's value is, is
 * in the table: the words of an enumeration, else what its metavar says: FILE, PATH, DIR.
 */
#include "completion.h"

#include <string.h>

#include "options_internal.h"

static bool is_file(const struct opt *opt)
{
	return opt->metavar && (!strcmp(opt->metavar, "FILE") || !strcmp(opt->metavar, "PATH"));
}

static bool is_directory(const struct opt *opt)
{
	return opt->metavar && !strcmp(opt->metavar, "DIR");
}

static void put_words(const char *const *words, FILE *to)
{
	for (size_t i = 0; words[i]; i++)
		fprintf(to, "%s%s", i ? " " : "", words[i]);
}

static void put_commands(const struct command_row *rows, size_t n, FILE *to)
{
	for (size_t i = 0; i < n; i++)
		fprintf(to, "%s%s", i ? " " : "", rows[i].name);
}

/* ---- bash ----------------------------------------------------------------------------------- */

/* Is there no row of the same name before it? */
static bool is_first(const struct opt *opt)
{
	for (const struct opt *other = opt_table; other < opt; other++) {
		if (!strcmp(other->name, opt->name))
			return false;
	}
	return true;
}

static void bash_options(const struct opt_command *cmd, FILE *to)
{
	fprintf(to, "\t%s)\n\t\toptions=\"--help", cmd->name);
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (!(opt->commands & cmd->bit) || opt->quiet)
			continue;
		fprintf(to, " --%s", opt->name);
		if (opt->type == OPT_BOOL && opt->def)
			fprintf(to, " --no-%s", opt->name);
	}
	fprintf(to, "\"\n%s\t\t;;\n", cmd->operand ? "\t\toperand=-f\n" : "");
}

static void bash_value(const struct opt *opt, FILE *to)
{
	fprintf(to, "\t--%s", opt->name);
	if (opt->letter)
		fprintf(to, " | -%c", opt->letter);
	fputs(") ", to);
	if (opt->type == OPT_ENUM) {
		fputs("words=\"", to);
		put_words(opt->names, to);
		fputs("\" ;;\n", to);
	} else {
		fprintf(to, "%s ;;\n",
			is_file(opt)        ? "files=-f"
			: is_directory(opt) ? "files=-d"
					    : "return");
	}
}

static void print_bash(const struct command_row *rows, size_t n, FILE *to)
{
	fputs("# bash completion of redeye: source <(redeye completion bash)\n"
	      "_redeye() {\n"
	      "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal options= operand= words= files=\n"
	      "\tCOMPREPLY=()\n"
	      "\t# readline makes three words of --name=value\n"
	      "\tif [[ $word == = ]]; then\n"
	      "\t\tword=\n"
	      "\telif [[ $before == = ]]; then\n"
	      "\t\tbefore=${COMP_WORDS[COMP_CWORD-2]}\n"
	      "\tfi\n"
	      "\tcase ${COMP_WORDS[1]} in\n",
	      to);
	for (size_t i = 0; i < n; i++) {
		if (opt__command(rows[i].name))
			bash_options(opt__command(rows[i].name), to);
	}
	fputs("\thelp) words=\"", to);
	put_commands(rows, n, to);
	fputs("\" ;;\n\tcompletion) words=\"", to);
	put_words(completion_shells, to);
	fputs("\" ;;\n\tesac\n\tcase $before in\n", to);
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (opt->type != OPT_BOOL && is_first(opt))
			bash_value(opt, to);
	}
	fputs("\tesac\n\tif ((COMP_CWORD == 1)); then\n\t\twords=\"", to);
	put_commands(rows, n, to);
	fputs("\"\n"
	      "\telif [[ -z $words$files && $word == -* ]]; then\n"
	      "\t\twords=$options\n"
	      "\telif [[ -z $words$files ]]; then\n"
	      "\t\tfiles=$operand\n"
	      "\tfi\n"
	      "\tif [[ $files ]]; then\n"
	      "\t\tcompopt -o filenames 2>/dev/null\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen $files -- \"$word\")\n"
	      "\telse\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
	      "\tfi\n"
	      "}\n"
	      "complete -F _redeye redeye\n",
	      to);
}

/* ---- zsh ------------------------------------------------------------------------------------ */

/* Inside of single quotes; what a description may not hold is escaped as well. */
static void zsh_text(const char *s, FILE *to)
{
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\''", to);
		else if (strchr("[]:\\", *s))
			fprintf(to, "\\%c", *s);
		else
			fputc(*s, to);
	}
}

/* A spec of _arguments but for its name: what it does and what it takes. */
static void zsh_rest(const struct opt *opt, FILE *to)
{
	fputc('[', to);
	zsh_text(opt->help, to);
	fputc(']', to);
	if (opt->type != OPT_BOOL)
		fprintf(to, ":%s:", opt->metavar);
	if (opt->type == OPT_ENUM) {
		fputc('(', to);
		put_words(opt->names, to);
		fputc(')', to);
	} else if (is_file(opt) || is_directory(opt)) {
		fputs(is_file(opt) ? "_files" : "_files -/", to);
	}
	fputc('\'', to);
}

static void zsh_option(const struct opt *opt, FILE *to)
{
	const char *often = opt__is_list(opt) ? "*" : "";

	fprintf(to, " \\\n\t\t\t'%s--%s%s", often, opt->name, opt->type == OPT_BOOL ? "" : "=");
	zsh_rest(opt, to);
	if (opt->letter) {
		fprintf(to, " \\\n\t\t\t'%s-%c%s", often, opt->letter,
			opt->type == OPT_BOOL ? "" : "+");
		zsh_rest(opt, to);
	}
	if (opt->type != OPT_BOOL || !opt->def)
		return;
	fprintf(to, " \\\n\t\t\t'--no-%s[not\\: ", opt->name);
	zsh_text(opt->help, to);
	fputs("]'", to);
}

static void zsh_command(const struct opt_command *cmd, FILE *to)
{
	fprintf(to, "\t%s)\n\t\t_arguments '--help[what there is]'", cmd->name);
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if ((opt->commands & cmd->bit) && !opt->quiet)
			zsh_option(opt, to);
	}
	fprintf(to, "%s\n\t\t;;\n", cmd->operand ? " \\\n\t\t\t'*:FILE:_files'" : "");
}

static void print_zsh(const struct command_row *rows, size_t n, FILE *to)
{
	fputs("#compdef redeye\n_redeye() {\n\tlocal -a commands=(", to);
	for (size_t i = 0; i < n; i++) {
		fprintf(to, "\n\t\t'%s:", rows[i].name);
		zsh_text(rows[i].help, to);
		fputc('\'', to);
	}
	fputs(")\n"
	      "\tif (( CURRENT == 2 )); then\n"
	      "\t\t_describe command commands\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tshift words\n"
	      "\t(( CURRENT-- ))\n"
	      "\tcase $words[1] in\n",
	      to);
	for (size_t i = 0; i < n; i++) {
		if (opt__command(rows[i].name))
			zsh_command(opt__command(rows[i].name), to);
	}
	fputs("\thelp) _describe command commands ;;\n\tcompletion) _values shell ", to);
	put_words(completion_shells, to);
	fputs(" ;;\n"
	      "\tesac\n"
	      "}\n"
	      "if [[ $funcstack[1] == _redeye ]]; then\n"
	      "\t_redeye \"$@\"\n"
	      "else\n"
	      "\tcompdef _redeye redeye\n"
	      "fi\n",
	      to);
}

/* ---- fish ----------------------------------------------------------------------------------- */

static void fish_text(const char *s, FILE *to)
{
	fputc('\'', to);
	for (; *s; s++)
		fprintf(to, *s == '\'' || *s == '\\' ? "\\%c" : "%c", *s);
	fputc('\'', to);
}

static void fish_begin(const struct command_row *rows, size_t n, const struct opt *opt, FILE *to)
{
	const struct opt_command *cmd;

	fputs("complete -c redeye -n '__fish_seen_subcommand_from", to);
	for (size_t i = 0; i < n; i++) {
		cmd = opt__command(rows[i].name);
		if (cmd && (cmd->bit & opt->commands))
			fprintf(to, " %s", cmd->name);
	}
	fputc('\'', to);
}

static void fish_option(const struct command_row *rows, size_t n, const struct opt *opt, FILE *to)
{
	fish_begin(rows, n, opt, to);
	fprintf(to, " -l %s", opt->name);
	if (opt->letter)
		fprintf(to, " -s %c", opt->letter);
	if (is_file(opt) || is_directory(opt)) {
		fputs(is_file(opt) ? " -r -F" : " -x -a '(__fish_complete_directories)'", to);
	} else if (opt->type == OPT_ENUM) {
		fputs(" -x -a '", to);
		put_words(opt->names, to);
		fputc('\'', to);
	} else if (opt->type != OPT_BOOL) {
		fputs(" -x", to);
	}
	fputs(" -d ", to);
	fish_text(opt->help, to);
	fputc('\n', to);
	if (opt->type != OPT_BOOL || !opt->def)
		return;
	fish_begin(rows, n, opt, to);
	fprintf(to, " -l no-%s\n", opt->name);
}

static void print_fish(const struct command_row *rows, size_t n, FILE *to)
{
	const struct opt_command *cmd;

	fputs("complete -c redeye -f\n", to);
	for (size_t i = 0; i < n; i++) {
		fprintf(to, "complete -c redeye -n __fish_use_subcommand -a %s -d ", rows[i].name);
		fish_text(rows[i].help, to);
		fputc('\n', to);
		cmd = opt__command(rows[i].name);
		if (cmd && cmd->operand)
			fprintf(to, "complete -c redeye -n '__fish_seen_subcommand_from %s' -F\n",
				cmd->name);
	}
	for (const struct opt *opt = opt_table; opt < opt_table + opt_table_n; opt++) {
		if (!opt->quiet)
			fish_option(rows, n, opt, to);
	}
	fputs("complete -c redeye -n '__fish_seen_subcommand_from help' -a '", to);
	put_commands(rows, n, to);
	fputs("'\ncomplete -c redeye -n '__fish_seen_subcommand_from completion' -a '", to);
	put_words(completion_shells, to);
	fputs("'\n", to);
}

/* ---- the table of shells -------------------------------------------------------------------- */

const char *const completion_shells[] = { "bash", "zsh", "fish", NULL };

bool completion__print(const char *shell, const struct command_row *rows, size_t n, FILE *to)
{
	static void (*const print[])(const struct command_row *rows, size_t n,
				     FILE *to) = { print_bash, print_zsh, print_fish };

	for (size_t i = 0; completion_shells[i]; i++) {
		if (!strcmp(shell, completion_shells[i])) {
			print[i](rows, n, to);
			return true;
		}
	}
	return false;
}
