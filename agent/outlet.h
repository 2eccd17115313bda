/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Standard output, or what else others have open too, without being held up by who reads it: a
 * terminal may stand still, a pipe be full.
 *
 * A pipe or a terminal is opened once more, because O_NONBLOCK on the descriptor itself would
 * also change it for the shell and everybody else who has it. A file is not: the second opening
 * would have a position of its own.
 */
#ifndef RED_OUTLET_H
#define RED_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct outlet {
	int fd;        /* -1: closed */
	bool blocking; /* somebody else's descriptor that we must not change */
	mode_t type;   /* S_IFMT; a socket is sent to, not written to */
};

int outlet__open(struct outlet *o, int fd); /* fd stays the caller's; 0 or -errno */
void outlet__close(struct outlet *o);       /* also one that is closed */
/* How much of it went out at once; -EAGAIN: nothing, now. */
ssize_t outlet__put(const struct outlet *o, const char *p, size_t len);
/* Waits until fd takes something: false at until_ns (mono_ns). */
bool outlet__wait_for(int fd, uint64_t until_ns);

#endif /* RED_OUTLET_H */
