// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static volatile sig_atomic_t came;
static int fd = -1;

static void on_signal(int number)
{
	int saved = errno;

	came = 1;
	if (fd >= 0 && write(fd, &(uint64_t){ 1 }, sizeof(uint64_t)) < 0)
		came = 1; /* it is readable already */
	errno = saved;
}

void interrupt__init(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction a = { .sa_handler = on_signal };

	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned int i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &a, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool interrupt__came(void)
{
	return came;
}

int interrupt__fd(void)
{
	return fd;
}
