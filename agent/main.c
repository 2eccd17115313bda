// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of commands, and nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "log.h"
#include "nearest.h"
#include "privileges.h"

static int cmd_help(int argc, char **argv);

static int completion(int argc, char **argv);
static int man(int argc, char **argv);

static const struct command_row commands[] = {
	{ "run", cmd_run, "watch processes, serve their metrics" },
	{ "record", cmd_record, "write what the kernel sees to a file" },
	{ "replay", cmd_replay, "analyse a recording, without privileges" },
	{ "top", cmd_top, "show services and routes as they are now" },
	{ "tail", cmd_tail, "print a line for each request as it ends" },
	{ "doctor", cmd_doctor, "say what works on this machine, and why not more" },
	{ "signatures", cmd_signatures, "print where functions are, for copies without symbols" },
	{ "config", cmd_config, "print the configuration in force, and where it comes from" },
	{ "completion", completion, "print what makes a shell complete redeye's command lines" },
	{ "man", man, "print the manual page redeye(1)" },
	{ "version", cmd_version, "print the versions of redeye and its libraries" },
	{ "help", cmd_help, "print this, or what a command takes: redeye help run" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int completion(int argc, char **argv)
{
	return cmd_completion(commands, N_COMMANDS, argc, argv);
}

static int man(int argc, char **argv)
{
	return cmd_man(commands, N_COMMANDS, argc, argv);
}

static void print_commands(FILE *to)
{
	fputs("Usage: redeye COMMAND [OPTION]...\n"
	      "Rate, errors and duration of every service on this machine, from the kernel.\n\n",
	      to);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-12s%s\n", commands[i].name, commands[i].help);
	fputs("\nredeye COMMAND --help lists the options of a command.\n", to);
}

static const struct command_row *find(const char *name)
{
	struct nearest near = { .word = name };

	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
		nearest__try(&near, commands[i].name);
	}
	if (near.best)
		log__error("unknown command '%s', did you mean '%s'?", name, near.best);
	else
		log__error("unknown command '%s': see redeye help", name);
	return NULL;
}

static int cmd_help(int argc, char **argv)
{
	const struct command_row *command;

	if (argc < 2) {
		print_commands(stdout);
		return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	command = find(argv[1]);
	if (!command)
		return EXIT_USAGE;
	if (command->run == cmd_help || command->run == cmd_version)
		return cmd_help(1, argv);
	return command->run(2, (char *[]){ argv[1], "--help", NULL });
}

/* redeye --help and redeye --version are what people try first. */
static const char *command_name(const char *arg)
{
	if (!strcmp(arg, "--help") || !strcmp(arg, "-h"))
		return "help";
	if (!strcmp(arg, "--version") || !strcmp(arg, "-V"))
		return "version";
	return arg;
}

int main(int argc, char **argv)
{
	const struct command_row *command;

	if (argc < 2) {
		print_commands(stderr);
		return EXIT_USAGE;
	}
	privileges__take();
	command = find(command_name(argv[1]));
	return command ? command->run(argc - 1, argv + 1) : EXIT_USAGE;
}
