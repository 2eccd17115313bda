// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A segment read from front to back, whatever became of it meanwhile. */
#include "spool_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

uint32_t spool__crc(uint32_t salt, const void *p, size_t len)
{
	return crc32(salt, p, len);
}

int spool_reader__open(struct spool_reader *r, const struct spool *s,
		       const struct spool_segment *seg)
{
	char name[SPOOL_NAME_SIZE];

	spool_reader__close(r);
	spool__segment_name(seg, name);
	r->fd = openat(s->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	r->salt = seg->salt;
	r->signal = s->signal;
	r->len = 0;
	return r->fd < 0 ? -errno : 0;
}

void spool_reader__close(struct spool_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

/* The window's bytes at off: at least `want` of them, unless the file ends before. */
static const uint8_t *look(struct spool_reader *r, uint64_t off, size_t want, size_t *len)
{
	ssize_t n;

	if (off < r->off || off - r->off > r->len || r->len - (off - r->off) < want) {
		n = pread(r->fd, r->window, sizeof(r->window), off);
		r->off = off;
		r->len = n > 0 ? n : 0;
	}
	*len = r->len - (off - r->off);
	return r->window + (off - r->off);
}

static bool head_is_whole(const struct spool_reader *r, const struct spool_head *h)
{
	return h->magic == SPOOL_MAGIC && h->version == SPOOL_VERSION && h->signal == r->signal &&
	       h->len <= SPOOL_BODY_MAX &&
	       h->head_crc == spool__crc(r->salt, h, offsetof(struct spool_head, head_crc));
}

/* Where in the bytes the next head may begin; len when it cannot in any. */
static size_t next_magic(const uint8_t *p, size_t len)
{
	static const uint32_t magic = SPOOL_MAGIC;
	const uint8_t *hit = memmem(p, len, &magic, sizeof(magic));

	return hit ? (size_t)(hit - p) : len - (sizeof(magic) - 1);
}

bool spool_reader__find(struct spool_reader *r, uint64_t *off, struct spool_head *h, bool *skipped)
{
	const uint8_t *p;
	size_t len;

	*skipped = false;
	for (;;) {
		p = look(r, *off, sizeof(*h), &len);
		if (len < sizeof(*h)) {
			*skipped = *skipped || len;
			return false;
		}
		memcpy(h, p, sizeof(*h));
		if (head_is_whole(r, h))
			return true;
		*skipped = true;
		*off += 1 + next_magic(p + 1, len - 1);
	}
}

static int read_all(int fd, void *to, size_t len, uint64_t off)
{
	while (len) {
		ssize_t n = pread(fd, to, len, off);

		if (n <= 0)
			return -EBADMSG;
		to = (char *)to + n;
		len -= n;
		off += n;
	}
	return 0;
}

int spool_reader__body(struct spool_reader *r, uint64_t off, const struct spool_head *h,
		       struct buf *body)
{
	uint64_t at = off + sizeof(*h);
	size_t len;
	const uint8_t *p = look(r, at, h->len < SPOOL_WINDOW ? h->len : 0, &len);
	struct stat st;
	void *room;

	/* A shrunk file costs no allocation. */
	if (len < h->len && (fstat(r->fd, &st) || at + h->len > (uint64_t)st.st_size))
		return -EBADMSG;
	buf__reset(body);
	room = buf__room(body, h->len);
	if (!room)
		return -ENOMEM;
	if (len >= h->len)
		memcpy(room, p, h->len);
	else if (read_all(r->fd, room, h->len, at))
		return -EBADMSG;
	if (spool__crc(r->salt, room, h->len) != h->body_crc)
		return -EBADMSG;
	body->len = h->len;
	return 0;
}
