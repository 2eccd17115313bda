/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The uprobes' programs, loaded apart from the others: there are many, and checking them
 * takes the kernel longer than all else, while the first plain request need not wait for
 * them. They are of the same object and use the same maps. Any thread.
 */
#ifndef RED_LOADER_UPROBES_H
#define RED_LOADER_UPROBES_H

#include <stddef.h>

struct bpf_object;
struct uprobe_program;
struct loader_uprobes;

/* `maps`: the object that is loaded, borrowed. NULL: no memory. */
struct loader_uprobes *loader_uprobes__new(const struct bpf_object *maps);
void loader_uprobes__free(struct loader_uprobes *u); /* accepts NULL */

/* Loads them all: for whoever has not the right to it later. */
void loader_uprobes__load_all(struct loader_uprobes *u);

/* Loads those of the same kind (C, Go, rustls), the first time. NULL: there is none, or the kernel
 * refused it. */
const struct uprobe_program *loader_uprobes__get(struct loader_uprobes *u, const char *name);

/* The i-th of those that are loaded, NULL at the end, and while they are being loaded. */
const struct uprobe_program *loader_uprobes__nth(struct loader_uprobes *u, size_t i);

/* Attaches one to a function of this program, and takes it off again. 1: by a link to the
 * file, 0: by a perf event, or -errno with the reason. */
int loader_uprobes__try(struct loader_uprobes *u, char *why, size_t why_size);

#endif /* RED_LOADER_UPROBES_H */
