/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A directory that looks like /proc, so that pids, races and hostile contents can be chosen. */
#ifndef RED_TEST_FAKE_PROC_H
#define RED_TEST_FAKE_PROC_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/redeye-proc-XXXXXX";

static inline int make_root(void **state)
{
	strcpy(root + strlen(root) - 6, "XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline int remove_root(void **state)
{
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A name may have one folder in it. */
static inline void put_bytes(uint32_t pid, const char *name, const char *text, size_t len)
{
	const char *dir = strchr(name, '/');
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%u", root, pid);
	mkdir(path, 0700);
	if (dir) {
		snprintf(path, sizeof(path), "%s/%u/%.*s", root, pid, (int)(dir - name), name);
		mkdir(path, 0700);
	}
	snprintf(path, sizeof(path), "%s/%u/%s", root, pid, name);
	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

static inline void put(uint32_t pid, const char *name, const char *text)
{
	put_bytes(pid, name, text, strlen(text));
}

static inline void put_link(uint32_t pid, const char *name, const char *target)
{
	char path[256];

	put(pid, name, "");
	snprintf(path, sizeof(path), "%s/%u/%s", root, pid, name);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static inline void vanish(uint32_t pid)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%u", root, pid);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- net/tcp: numbers are hexadecimal, but for the inode ---- */

#define NET_HEAD                                                                                   \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "      \
	"timeout inode\n"
#define NET_ROW(addr, port, st, ino)                                                               \
	"   0: " addr ":" port " 00000000:0000 " st " 00000000:00000000 00:00000000 00000000"      \
	"     0        0 " ino " 1 0000000000000000 100 0 0 10 0\n"

#endif /* RED_TEST_FAKE_PROC_H */
