// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Runs the program once for each allocation that it makes, in which just that one fails,
 * until a run needs no more. Each run is a child that is forked just before main, which costs less
 * than a hundredth of starting the program.
 *
 * Says on the standard output of the first process, a line each:
 *
 *	whole N		without a failure it makes N allocations
 *	same N		a failure at allocation N changed nothing
 *	refused N	it ended with an exit status of 1 or 2 and said why
 *	less N		status 0, and other output than without the failure
 *	silent N	the same without a word
 *	crashed N WHAT	by a signal, or with another status
 *	hung N		did not end within a minute
 *
 * Written without stdio, whose buffers the children would find allocated. The last three, and under
 *"less" what is not told as lost, are what a test looks for. The output of those runs is behind
 *them, each line after a tab.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim.h"

#define OUTPUT_MAX (1 << 20)
#define HUNG_S     60

struct output {
	int fd;
	size_t len;
	char text[OUTPUT_MAX];
};

static struct output out = { .fd = -1 }, err = { .fd = -1 }, whole = { .fd = -1 };

bool sweep_asked(void)
{
	return getenv("FAULTS_SWEEP");
}

/* ---- one run ------------------------------------------------------------------------------- */

/* For the log: where the program was. */
static void on_signal(int number)
{
	void *at[40];

	control->fail_at = 0;
	backtrace_symbols_fd(at, backtrace(at, 40), STDERR_FILENO);
	signal(number, SIG_DFL);
	raise(number);
}

static void reset(struct output *o, const char *name)
{
	if (o->fd < 0)
		o->fd = memfd_create(name, 0);
	if (ftruncate(o->fd, 0) || lseek(o->fd, 0, SEEK_SET))
		_exit(125);
}

static void take(struct output *o)
{
	ssize_t n = pread(o->fd, o->text, sizeof(o->text) - 1, 0);

	o->len = n > 0 ? n : 0;
	o->text[o->len] = '\0';
}

static void child(uint64_t n, bool sanitized)
{
	dup2(out.fd, STDOUT_FILENO);
	dup2(err.fd, STDERR_FILENO);
	if (!sanitized)
		for (int i = 0; i < 3; i++)
			signal((const int[]){ SIGSEGV, SIGBUS, SIGABRT }[i], on_signal);
	alarm(HUNG_S);
	control->allocations = control->failed = 0;
	control->fail_at = n;
}

/* True in the child, with `*status` unset. */
static bool run_one(uint64_t n, bool sanitized, int *status)
{
	pid_t pid;

	reset(&out, "stdout");
	reset(&err, "stderr");
	pid = fork();
	if (!pid) {
		child(n, sanitized);
		return true;
	}
	if (pid < 0 || waitpid(pid, status, 0) != pid)
		_exit(125);
	take(&out);
	take(&err);
	return false;
}

/* ---- what became of it ---------------------------------------------------------------------- */

static void print_lines(const struct output *o)
{
	for (const char *p = o->text, *end; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, '\n');
		dprintf(STDOUT_FILENO, "\t%.*s\n", (int)(end - p), p);
	}
}

static const char *verdict(int status, char *what, size_t size)
{
	what[0] = '\0';
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return "hung";
	if (WIFSIGNALED(status) || WEXITSTATUS(status) > 2) {
		snprintf(what, size, WIFSIGNALED(status) ? " signal %d" : " status %d",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		return "crashed";
	}
	if (WEXITSTATUS(status))
		return err.len ? "refused" : "silent";
	return out.len == whole.len && !memcmp(out.text, whole.text, out.len) ? "same" : "less";
}

static void report(uint64_t n, int status)
{
	char what[32];
	const char *word = verdict(status, what, sizeof(what));

	dprintf(STDOUT_FILENO, "%s %llu%s\n", word, (unsigned long long)n, what);
	if (!strcmp(word, "same"))
		return;
	if (strcmp(word, "refused"))
		print_lines(&out);
	print_lines(&err);
}

int sweep(int (*run)(int, char **, char **), int argc, char **argv, char **envp)
{
	unsigned long long n = 1, step = 1;
	bool sanitized = getenv("FAULTS_SANITIZED");
	void *warm[1];
	int status;

	sscanf(getenv("FAULTS_SWEEP"), "%llu:%llu", &n, &step);
	backtrace(warm, 1); /* loads what it needs now */
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (run_one(0, sanitized, &status))
		return run(argc, argv, envp);
	whole.len = out.len;
	memcpy(whole.text, out.text, out.len);
	dprintf(STDOUT_FILENO, "whole %llu\n", (unsigned long long)control->allocations);
	if (status) {
		report(0, status);
		return 1;
	}
	do {
		if (run_one(n, sanitized, &status))
			return run(argc, argv, envp);
		if (control->failed)
			report(n, status);
		n += step;
	} while (control->failed);
	return 0;
}
