// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What somebody who has taken redeye over would try. Preloaded into it (LD_PRELOAD): a thread that
 * is there from the beginning waits for a byte in the FIFO of FORBIDDEN_FIFO, makes the calls, and
 * writes a line for each to the file of FORBIDDEN_OUT: its name and errno, 0 when it was let.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int out;

static void say(const char *name, long rc)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%s %d\n", name, rc < 0 ? errno : 0);

	if (write(out, line, n) != n)
		abort();
}

static void try_all(void)
{
	char *const argv[] = { "/bin/true", NULL };

	say("open", open("/proc/self/stat", O_RDONLY)); /* this one is let */
	if (!getenv("FORBIDDEN_HARMLESS")) { /* what would change the process when it is let */
		say("execve", syscall(SYS_execve, argv[0], argv, NULL));
		say("fork", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
		say("mount", syscall(SYS_mount, "none", "/nowhere", "tmpfs", 0, NULL));
		say("unshare", unshare(CLONE_NEWNS));
		say("ptrace", ptrace(PTRACE_ATTACH, getppid(), 0, 0));
	}
	say("kill", kill(getppid(), 0));
	say("setns", setns(0, 0));
	say("init_module", syscall(SYS_init_module, argv, 0, ""));
	say("packet", socket(AF_PACKET, SOCK_RAW, 0));
	say("chown", syscall(SYS_chown, "/nowhere", 0, 0));
	say("wx", mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0) == MAP_FAILED
			  ? -1
			  : 0);
	say("done", 0);
}

static void *wait_and_try(void *fifo)
{
	int in = open(fifo, O_RDWR);
	char byte;

	if (in >= 0 && read(in, &byte, 1) == 1)
		try_all();
	return NULL;
}

__attribute__((constructor)) static void start(void)
{
	const char *file = getenv("FORBIDDEN_OUT");
	pthread_t thread;

	out = file ? open(file, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
	if (out < 0 || pthread_create(&thread, NULL, wait_and_try, getenv("FORBIDDEN_FIFO")))
		abort();
}
