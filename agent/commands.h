/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One command, one file: cmd_x.c. argv[0] is the command's name; the result is the
 * exit status: 0, 1 when something failed, 2 when the command line was wrong. */
#ifndef RED_COMMANDS_H
#define RED_COMMANDS_H

#include <stddef.h>

#define EXIT_USAGE 2

struct options;

/* One line of main.c's table, for what is generated from it: completion and the man page. */
struct command_row {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

/* How each command begins: -1 to go on with *o, which the caller frees, else the
 * exit status (help was asked for, or a sentence has been said). */
int command__options(struct options *o, int argc, char **argv);

int cmd_run(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_tail(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_signatures(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_version(int argc, char **argv);
/* These two print what they are told of the table. */
int cmd_completion(const struct command_row *rows, size_t n, int argc, char **argv);
int cmd_man(const struct command_row *rows, size_t n, int argc, char **argv);

#endif /* RED_COMMANDS_H */
