/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One probe in the kernel: see uprobe_link.c for the two kinds. Any thread. */
#ifndef RED_UPROBE_LINK_H
#define RED_UPROBE_LINK_H

#include <stdbool.h>
#include <stdint.h>

struct bpf_program;
struct uprobe_link;

/* A program that is loaded; the descriptor is its owner's. */
struct uprobe_program {
	const char *name;
	int fd;
	bool multi; /* prepared */
};

/* Does the kernel have the better kind? Then its programs are to be prepared before they
 * are loaded, and after that cannot be attached in the other way. */
bool uprobe_link__has_multi(void);
void uprobe_link__prepare(struct bpf_program *prog);
/* Does the kernel let this thread, with the capabilities that it has now, use the other? */
bool uprobe_link__may_perf(void);

/* pid -1: all processes. NULL and errno. */
struct uprobe_link *uprobe_link__attach(const struct uprobe_program *prog, int pid, int fd,
					uint64_t offset, bool ret);
/* Does who maps the file now find a breakpoint at that offset, anybody's? */
bool uprobe_link__there(int fd, uint64_t offset);
/* A program that does nothing, for a try: a descriptor or -errno. */
int uprobe_link__empty_program(bool multi);
/* Where in its file a function of this program is. 0: not known. */
uint64_t uprobe_link__own_offset(const void *function);
/* For a try: to the return of a function of this program (NULL: of any), in this process or a copy
 * of it. */
struct uprobe_link *uprobe_link__attach_own(const struct uprobe_program *prog, int pid,
					    const void *function);
void uprobe_link__destroy(struct uprobe_link *u); /* some 0.1 s */

#endif /* RED_UPROBE_LINK_H */
