// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Before main: what the environment asks for. And the clock. */
#include "shim.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static struct control own;
struct control *control = &own;

static int (*real_main)(int, char **, char **);
static int (*real_gettime)(clockid_t, struct timespec *);

void *next_symbol(const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (!p)
		abort();
	return p;
}

long listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
		if (!strncmp(list, name, len) && list[len] == '=')
			return atol(list + len + 1);
	return -1;
}

/* ---- the clock ------------------------------------------------------------------------------ */

int clock_gettime(clockid_t id, struct timespec *t)
{
	int64_t ns;
	int err;

	if (!real_gettime)
		real_gettime = next_symbol("clock_gettime");
	err = real_gettime(id, t);
	if (err || id != CLOCK_REALTIME)
		return err;
	__atomic_add_fetch(&control->calls, 1, __ATOMIC_RELAXED);
	ns = t->tv_nsec + __atomic_load_n(&control->realtime_ns, __ATOMIC_RELAXED) % 1000000000;
	t->tv_sec += __atomic_load_n(&control->realtime_ns, __ATOMIC_RELAXED) / 1000000000;
	t->tv_sec += ns < 0 ? -1 : ns >= 1000000000;
	t->tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
	return 0;
}

time_t time(time_t *to)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_REALTIME, &t);
	if (to)
		*to = t.tv_sec;
	return t.tv_sec;
}

int gettimeofday(struct timeval *tv, void *tz)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_REALTIME, &t);
	tv->tv_sec = t.tv_sec;
	tv->tv_usec = t.tv_nsec / 1000;
	return 0;
}

/* ---- before main ---------------------------------------------------------------------------- */

static void map_control(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, sizeof(own), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		perror(path);
		_exit(125);
	}
	close(fd);
	control = p;
}

static int faulty_main(int argc, char **argv, char **envp)
{
	const char *path = getenv("FAULTS_CONTROL");

	unsetenv("LD_PRELOAD"); /* not for what it starts */
	find_spared_libraries();
	if (path)
		map_control(path);
	if (sweep_asked())
		return sweep(real_main, argc, argv, envp);
	return real_main(argc, argv, envp);
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*rtld_fini)(void), void *end);

/* Later than all constructors: what libraries take at their start is not redeye's. */
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*rtld_fini)(void), void *end)
{
	__typeof__(&__libc_start_main) next = next_symbol("__libc_start_main");

	real_main = main;
	return next(faulty_main, argc, argv, init, fini, rtld_fini, end);
}
