// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a recording: read to the end, or refused with a sentence. */
#undef NDEBUG
#include <assert.h>

#include "../../agent/loop.c"
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

static void read_all(const char *path, size_t len)
{
	char err[128] = "";
	struct recording_reader *r = recording_reader__new(path, err, sizeof(err));
	const struct red_hdr *h;
	size_t n = 0;
	int rc;

	assert(r || err[0]);
	if (!r)
		return;
	while ((rc = recording_reader__next(r, &h, err, sizeof(err))) > 0) {
		touch(h);
		assert(++n <= len / sizeof(*h));
	}
	assert(rc == 0 || (rc == -EBADMSG && err[0]));
	recording_reader__free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);
	char path[32];

	assert(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_all(path, len);
	close(fd);
	return 0;
}
