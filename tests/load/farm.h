/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What farm.c, drive.c and farm.py agree on: a file that all of them map, a slot a server. */
#ifndef RED_LOAD_FARM_H
#define RED_LOAD_FARM_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../stress/wire.h"

enum kind { ITEM, MISSING, BROKEN, N_KINDS }; /* 200, 404, 500 */

struct slot {
	uint32_t port; /* 0: it does not listen yet */
	uint32_t pid;
	uint64_t answered[N_KINDS];
	uint64_t torn; /* requests that did not come whole, or were none of ours */
	uint64_t unused[3];
};

_Static_assert(sizeof(struct slot) == 64, "farm.py reads it");

static inline struct slot *map_slots(const char *path, unsigned int n)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *p;

	if (fd < 0 || ftruncate(fd, n * sizeof(struct slot)))
		die(path);
	p = mmap(NULL, n * sizeof(struct slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die(path);
	close(fd);
	return p;
}

#endif /* RED_LOAD_FARM_H */
