// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as each file and link of /proc/PID. */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define INPUT_FD 1000000

static const uint8_t *input;
static size_t input_len, input_at;

static int input_open(void)
{
	input_at = 0;
	return INPUT_FD;
}

/* By pieces, as a file of /proc may come. */
static ssize_t input_read(void *to, size_t len)
{
	size_t left = input_len - input_at;

	len = len < 100 ? len : 100;
	len = len < left ? len : left;
	memcpy(to, input + input_at, len);
	input_at += len;
	return len;
}

static ssize_t input_link(char *to, size_t len)
{
	len = len < input_len ? len : input_len;
	memcpy(to, input, len);
	return len;
}

#define openat(...)                   input_open()
#define read(fd, to, len)             input_read(to, len)
#define close(fd)                     0
#define readlinkat(fd, path, to, len) input_link(to, len)
#define fdopen(fd, how)               fmemopen((void *)input, input_len, how)
#include "../../agent/procfs.c"

static int listener(void *arg, uint16_t port, uint64_t inode)
{
	assert(inode);
	return ++*(int *)arg == 5;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct procfs fs = { .fd = INPUT_FD };
	char text[128], exe[PROCFS_EXE_MAX];
	struct procfs_stat st;
	int n = 0;

	input = data;
	input_len = len;
	if (!procfs__stat(&fs, 1, &st))
		assert(memchr(st.comm, 0, sizeof(st.comm)) &&
		       memmem(data, len, st.comm, strlen(st.comm)));
	assert(procfs__read(&fs, 1, "cgroup", text, sizeof(text)) ==
	       (ssize_t)(len < 127 ? len : 127));
	procfs__tgid(&fs, 1);
	procfs__netns(&fs, 1);
	assert(!procfs__exe(&fs, 1, exe) && strlen(exe) <= len);
	if (len)
		procfs__each_listener(&fs, 1, listener, &n);
	assert(n <= 5);
	return 0;
}
