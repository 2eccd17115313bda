// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* redeye completion SHELL */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "completion.h"
#include "log.h"

static const char usage[] =
	"Usage: redeye completion bash|zsh|fish\n"
	"Prints what makes the shell complete redeye's command lines:\n"
	"  bash  source <(redeye completion bash)\n"
	"  zsh   redeye completion zsh >\"${fpath[1]}/_redeye\"\n"
	"  fish  redeye completion fish >~/.config/fish/completions/redeye.fish\n";

int cmd_completion(const struct command_row *rows, size_t n, int argc, char **argv)
{
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
	} else if (argc != 2) {
		log__error("want one shell: redeye completion bash|zsh|fish");
		return EXIT_USAGE;
	} else if (!completion__print(argv[1], rows, n, stdout)) {
		log__error("unknown shell '%s': redeye completion bash|zsh|fish", argv[1]);
		return EXIT_USAGE;
	}
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_SUCCESS;
	log__error("cannot write to standard output: %s", strerror(errno));
	return EXIT_FAILURE;
}
