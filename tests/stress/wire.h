/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What serve.c and load.c agree on, and what both need to start. */
#ifndef RED_STRESS_WIRE_H
#define RED_STRESS_WIRE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* All answers have one length, so that a client counts them by counting bytes. */
#define REPLY(status) "HTTP/1.1 " status " X\r\nContent-Length: 2\r\n\r\nok"
#define REPLY_LEN     (sizeof(REPLY("200")) - 1)

/* redeye copies this much of one call when requests are pipelined (RED_CAP_MAX): a
 * batch that is longer would not be captured whole, which is no bug. */
#define BATCH_MAX 4096

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline void need_files(unsigned int n)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		die("getrlimit");
	if (r.rlim_max < n)
		r.rlim_max = n;
	r.rlim_cur = r.rlim_max;
	if (r.rlim_cur < n || setrlimit(RLIMIT_NOFILE, &r))
		die("RLIMIT_NOFILE");
}

#endif /* RED_STRESS_WIRE_H */
