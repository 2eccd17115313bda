/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Memory as a file, without system calls. */
#ifndef RED_FUZZ_IMAGE_INPUT_H
#define RED_FUZZ_IMAGE_INPUT_H

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_FD 1000000

static const uint8_t *input;
static size_t input_len;

static ssize_t input_read(int fd, void *to, size_t len, off_t at)
{
	if (fd != INPUT_FD)
		return pread(fd, to, len, at);
	if ((size_t)at >= input_len)
		return 0;
	len = len < input_len - at ? len : input_len - at;
	memcpy(to, input + at, len);
	return len;
}

static int input_stat(int fd, struct stat *st)
{
	if (fd != INPUT_FD)
		return fstat(fd, st);
	*st = (struct stat){ .st_mode = S_IFREG, .st_size = input_len };
	return 0;
}

#define pread(fd, to, len, at) input_read(fd, to, len, at)
#define fstat(fd, st)          input_stat(fd, st)

#include "../../uprobes/image.c"

#endif /* RED_FUZZ_IMAGE_INPUT_H */
