// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a recording: read to the end, or refused with a sentence. */
#undef NDEBUG
#include <assert.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t *input;
static size_t input_len;

static int input_stat(struct stat *st)
{
	*st = (struct stat){ .st_mode = S_IFREG, .st_size = input_len };
	return 0;
}

/* To the byte, for the sanitizer. */
static void *input_map(void)
{
	return memcpy(malloc(input_len), input, input_len);
}

#include "../../agent/loop.c"
#define open(...)      1000000
#define close(fd)      ((void)(fd))
#define fstat(fd, st)  input_stat(st)
#define mmap(...)      input_map()
#define munmap(p, len) free(p)
#include "../../agent/recording.c"

/* Reads every byte of a record, so that one outside the file is noticed. */
static void touch(const struct red_hdr *h)
{
	static volatile uint8_t sum __attribute__((unused));
	const uint8_t *p = (const uint8_t *)h;
	uint32_t i;

	assert(h->len >= sizeof(*h) && !record__check(h, h->len));
	assert((uintptr_t)h % 8 == 0);
	for (i = 0; i < h->len; i++)
		sum = sum + p[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char err[128] = "";
	struct recording_reader *r;
	const struct red_hdr *h;
	size_t n = 0;
	int rc;

	input = data;
	input_len = len;
	r = recording_reader__new("f", err, sizeof(err));
	assert(r || err[0]);
	if (!r)
		return 0;
	while ((rc = recording_reader__next(r, &h, err, sizeof(err))) > 0) {
		touch(h);
		assert(++n <= len / sizeof(*h));
	}
	assert(rc == 0 || (rc == -EBADMSG && err[0]));
	recording_reader__free(r);
	return 0;
}
