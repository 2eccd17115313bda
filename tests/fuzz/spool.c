// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a segment and as the position: never fatal, what is appended then is read
 * back, the sums are right, the folder is empty at the end. Every checksum is right, or the
 * fuzzer would not get past one. */
#undef NDEBUG
#include <assert.h>

#include <zlib.h>
#define crc32(salt, p, len) ((void)(p), 0)

#include "../../agent/buf.c"
#include "../../exporters/spool.c"
#include "../../exporters/spool_dir.c"
#include "../../exporters/spool_read.c"

static char dir[] = "/dev/shm/redeye-fuzz-XXXXXX", segment[99], position[99], folder[99];

static void remove_folder(void)
{
	char lock[99];

	snprintf(lock, sizeof(lock), "%s/t/lock", dir);
	unlink(lock);
	unlink(position);
	rmdir(folder);
	rmdir(dir);
}

static void set_up(void)
{
	assert(mkdtemp(dir));
	snprintf(folder, sizeof(folder), "%s/t", dir);
	snprintf(position, sizeof(position), "%s/t/position", dir);
	snprintf(segment, sizeof(segment), "%s/t/0000000000000007-00000001.seg", dir);
	assert(!mkdir(folder, 0700));
	atexit(remove_folder);
}

static void write_file(const char *path, const uint8_t *data, size_t len)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	close(fd);
}

static void check_sums(const struct spool_stats *st)
{
	assert(st->recovered_items + st->appended_items ==
	       st->acked_items + st->pending_items + st->dropped_items[SPOOL_DROP_FULL] +
		       st->dropped_items[SPOOL_DROP_CORRUPT]);
}

static void drain(struct spool *s)
{
	struct spool_frame f = { 0 };
	struct buf body = { 0 };
	bool last = false;

	assert(!spool__append(s, &(struct spool_frame){ 3, 5 }, "last", 4));
	while (spool__peek(s, &f, &body) == 1) {
		last = f.encoding == 3 && f.items == 5 && body.len == 4 &&
		       !memcmp(body.p, "last", 4);
		check_sums(&s->stats);
		spool__ack(s);
		check_sums(&s->stats);
	}
	assert(last && !s->stats.pending_items && !s->stats.bytes && !s->stats.error_cnt);
	buf__free(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct spool_config c = { .dir = dir, .name = "t", .signal = 1, .limit_bytes = 1 << 20 };
	struct spool *s;
	char err[200];

	if (!*folder)
		set_up();
	if (len < 33)
		return 0;
	write_file(position, data, data[32] & 1 ? 32 : 0);
	write_file(segment, data + 33, len - 33);
	s = spool__open(&c, err, sizeof(err));
	assert(s);
	check_sums(&s->stats);
	drain(s);
	spool__close(s);
	return 0;
}
