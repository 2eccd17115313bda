// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The spool, DIR/traces and its like:
 *
 *	lock                        one redeye at a time (flock, so a crash leaves none)
 *	position                    how far has been acknowledged
 *	0000000000000001-9f86d081.seg   frames, one behind the other
 *
 * Frames are appended to the last segment and read from the first one. An acknowledgement
 * writes the position; a segment that has been read to its end goes, and when the limit is
 * reached the oldest goes unread, its items counted. After a start a new segment is begun:
 * nothing is ever appended to what a dead process left.
 *
 * What it survives. A killed process loses nothing: what write() took is the kernel's to
 * keep. There is no fsync, so a machine that loses power may lose the last seconds, or
 * leave a torn end: telemetry is not worth a flush for each batch. A process killed between
 * delivery and acknowledgement leaves one body that is sent again.
 *
 * What it does not trust is the files. Each head and each body has its checksum; where a
 * head is not whole the reader looks for the next one that is. Bodies hold text of strangers,
 * who could write a whole frame into a URL and hope for damage in front of it: so checksums
 * begin with a salt, which only the segment's name tells.
 */
#include "spool.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "spool_internal.h"

#define SEGMENT_BYTES (4u << 20)

static void drop(struct spool *s, struct spool_segment *seg, uint64_t items, enum spool_drop why)
{
	seg->items -= items;
	s->stats.pending_items -= items;
	s->stats.dropped_items[why] += items;
}

static void close_writer(struct spool *s)
{
	if (s->write_fd >= 0)
		close(s->write_fd);
	s->write_fd = -1;
}

/* The first segment goes, with what is still pending in it. */
static void remove_first(struct spool *s, enum spool_drop why)
{
	struct spool_segment *seg = &s->segments[0];

	drop(s, seg, seg->items, why);
	s->stats.bytes -= seg->size;
	if (s->n_segments == 1)
		close_writer(s);
	spool_reader__close(&s->reader);
	spool__unlink_segment(s, seg);
	memmove(seg, seg + 1, --s->n_segments * sizeof(*seg));
	s->read_off = 0;
	s->peeked = false;
}

/* ---- starting ---- */

/* Adds up what is in a segment, from off on. The bodies are checked when they are read. */
static void take_stock(struct spool *s, struct spool_segment *seg, uint64_t off)
{
	struct spool_head h;
	bool skipped;

	s->stats.bytes += seg->size;
	if (spool_reader__open(&s->reader, s, seg))
		return;
	while (spool_reader__find(&s->reader, &off, &h, &skipped)) {
		seg->items += h.items;
		off += sizeof(h) + h.len;
	}
	spool_reader__close(&s->reader);
	s->stats.recovered_items += seg->items;
	s->stats.pending_items += seg->items;
}

/* Those before the position were sent; a process died before it could remove them. */
static void remove_sent(struct spool *s, const struct spool_position *pos)
{
	size_t n = 0;

	while (n < s->n_segments && s->segments[n].seq < pos->seq)
		spool__unlink_segment(s, &s->segments[n++]);
	s->n_segments -= n;
	if (n)
		memmove(s->segments, s->segments + n, s->n_segments * sizeof(*s->segments));
	if (s->n_segments && s->segments[0].seq == pos->seq && s->segments[0].salt == pos->salt)
		s->read_off = pos->off;
}

static void recover(struct spool *s, const struct spool_position *pos)
{
	remove_sent(s, pos);
	for (size_t i = 0; i < s->n_segments; i++)
		take_stock(s, &s->segments[i], i ? 0 : s->read_off);
	s->next_seq = s->n_segments ? s->segments[s->n_segments - 1].seq + 1 : pos->seq + 1;
	while (s->n_segments && s->stats.bytes > s->limit_bytes)
		remove_first(s, SPOOL_DROP_FULL);
}

/* Small enough that dropping one is no great loss, and few enough for the table. */
static uint64_t choose_segment_bytes(const struct spool_config *c)
{
	uint64_t part = c->limit_bytes / 16, least = c->limit_bytes / (SPOOL_SEGMENTS_MAX / 4);

	if (c->segment_bytes)
		return c->segment_bytes;
	part = part < SEGMENT_BYTES ? part : SEGMENT_BYTES;
	return part > least ? part : least;
}

struct spool *spool__open(const struct spool_config *c, char *err, size_t err_size)
{
	struct spool *s = calloc(1, sizeof(*s));
	struct spool_position pos;

	if (!s) {
		snprintf(err, err_size, "out of memory");
		return NULL;
	}
	s->dir_fd = s->lock_fd = s->position_fd = s->write_fd = s->reader.fd = -1;
	s->signal = c->signal;
	s->limit_bytes = c->limit_bytes;
	s->segment_bytes = choose_segment_bytes(c);
	if (spool__open_dir(s, c, &pos, err, err_size)) {
		spool__close(s);
		return NULL;
	}
	recover(s, &pos);
	return s;
}

void spool__close(struct spool *s)
{
	if (!s)
		return;
	close_writer(s);
	spool_reader__close(&s->reader);
	if (s->position_fd >= 0)
		close(s->position_fd);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	free(s->segments);
	free(s);
}

/* ---- appending ---- */

static int begin_segment(struct spool *s)
{
	struct spool_segment seg;
	int fd, err;

	close_writer(s);
	if (s->n_segments == SPOOL_SEGMENTS_MAX)
		remove_first(s, SPOOL_DROP_FULL);
	fd = spool__create_segment(s, &seg);
	if (fd < 0)
		return fd;
	err = spool__add_segment(s, &seg);
	if (err) {
		close(fd);
		spool__unlink_segment(s, &seg);
		return err;
	}
	s->write_fd = fd;
	s->next_seq++;
	return 0;
}

/* What was written of a frame that did not fit is taken back; where that fails too, the
 * segment ends here, and its reader skips the rest. */
static int write_frame(struct spool *s, struct spool_segment *seg, struct spool_head *h,
		       const void *body)
{
	struct iovec parts[] = { { h, sizeof(*h) }, { (void *)body, h->len } };
	size_t total = sizeof(*h) + h->len;
	ssize_t n = pwritev(s->write_fd, parts, 2, seg->size);
	int err = n < 0 ? -errno : -ENOSPC;

	if (n == (ssize_t)total) {
		seg->size += total;
		s->stats.bytes += total;
		return 0;
	}
	if (n > 0 && ftruncate(s->write_fd, seg->size))
		close_writer(s);
	return err;
}

static void seal(const struct spool_segment *seg, struct spool_head *h, const void *body)
{
	h->body_crc = spool__crc(seg->salt, body, h->len);
	h->head_crc = spool__crc(seg->salt, h, offsetof(struct spool_head, head_crc));
}

int spool__append(struct spool *s, const struct spool_frame *f, const void *body, size_t len)
{
	struct spool_head h = { .magic = SPOOL_MAGIC,
				.version = SPOOL_VERSION,
				.signal = s->signal,
				.encoding = f->encoding,
				.items = f->items,
				.len = len };
	struct spool_segment *seg;
	int err;

	if (len > SPOOL_BODY_MAX || sizeof(h) + len > s->limit_bytes)
		return -EMSGSIZE;
	while (s->n_segments && s->stats.bytes + sizeof(h) + len > s->limit_bytes)
		remove_first(s, SPOOL_DROP_FULL);
	seg = s->write_fd >= 0 ? &s->segments[s->n_segments - 1] : NULL;
	if (!seg || (seg->size && seg->size + sizeof(h) + len > s->segment_bytes)) {
		err = begin_segment(s);
		if (err)
			return err;
		seg = &s->segments[s->n_segments - 1];
	}
	seal(seg, &h, body);
	err = write_frame(s, seg, &h, body);
	if (err)
		return err;
	seg->items += f->items;
	s->stats.appended_items += f->items;
	s->stats.pending_items += f->items;
	return 0;
}

/* ---- reading ---- */

/* A file that has more in it than when stock was taken. */
static void expect_items(struct spool *s, struct spool_segment *seg, uint32_t items)
{
	uint64_t more = seg->items < items ? items - seg->items : 0;

	seg->items += more;
	s->stats.recovered_items += more;
	s->stats.pending_items += more;
}

/* Behind seg->size there may be what write_frame could not take back. */
static bool find_frame(struct spool *s, const struct spool_segment *seg, struct spool_head *h)
{
	bool skipped = false, found;

	if (s->read_off >= seg->size)
		return false;
	found = spool_reader__find(&s->reader, &s->read_off, h, &skipped);
	s->stats.corrupt_cnt += skipped;
	return found && s->read_off < seg->size;
}

/* The next whole frame of the first segment: 1; 0: it has no more; -ENOMEM. */
static int next_frame(struct spool *s, struct spool_frame *f, struct buf *body)
{
	struct spool_segment *seg = &s->segments[0];
	struct spool_head h;
	int err;

	while (find_frame(s, seg, &h)) {
		expect_items(s, seg, h.items);
		err = spool_reader__body(&s->reader, s->read_off, &h, body);
		if (err == -ENOMEM)
			return err;
		s->peeked_end = s->read_off + sizeof(h) + h.len;
		if (!err) {
			*f = (struct spool_frame){ h.encoding, h.items };
			s->peeked_items = h.items;
			s->peeked = true;
			return 1;
		}
		drop(s, seg, h.items, SPOOL_DROP_CORRUPT);
		s->stats.corrupt_cnt++;
		s->read_off = s->peeked_end;
	}
	return 0;
}

/* For want of descriptors or memory nothing is given up. */
static bool will_pass(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM;
}

int spool__peek(struct spool *s, struct spool_frame *f, struct buf *body)
{
	int n;

	while (s->n_segments) {
		n = s->reader.fd < 0 ? spool_reader__open(&s->reader, s, &s->segments[0]) : 0;
		n = n ? n : next_frame(s, f, body);
		if (n == 1 || will_pass(n))
			return n;
		remove_first(s, SPOOL_DROP_CORRUPT);
		spool__write_position(s);
	}
	return 0;
}

void spool__ack(struct spool *s)
{
	struct spool_segment *seg = &s->segments[0];

	if (!s->peeked)
		return;
	s->peeked = false;
	seg->items -= s->peeked_items;
	s->stats.pending_items -= s->peeked_items;
	s->stats.acked_items += s->peeked_items;
	s->read_off = s->peeked_end;
	spool__write_position(s);
	if (s->read_off >= seg->size) {
		remove_first(s, SPOOL_DROP_CORRUPT);
		spool__write_position(s);
	}
}

const struct spool_stats *spool__stats(const struct spool *s)
{
	return &s->stats;
}
