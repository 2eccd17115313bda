// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop.h"

/* ---- what a record must look like --------------------------------------------------- */

/* Do the pieces make up the call? */
static bool pieces_ok(const struct red_ev_data *ev)
{
	const uint8_t *p = (const uint8_t *)(ev + 1), *end = p + ev->cap_len;
	struct red_piece piece;
	uint64_t sum = 0;

	while ((size_t)(end - p) >= sizeof(piece)) {
		memcpy(&piece, p, sizeof(piece));
		p += sizeof(piece);
		if (piece.len > end - p)
			return false;
		p += piece.len;
		sum += (uint64_t)piece.len + piece.skip;
	}
	return p == end && sum == ev->len;
}

static bool data_ok(const struct red_ev_data *ev)
{
	if (ev->cap_len > RED_CAP_MAX || ev->dir > RED_DIR_OUT ||
	    ev->h.len != sizeof(*ev) + ev->cap_len)
		return false;
	return ev->flags & RED_DATA_PIECES ? pieces_ok(ev) : ev->cap_len <= ev->len;
}

static bool exec_ok(const struct red_ev_proc *ev)
{
	const struct red_exec_text *x = (const struct red_exec_text *)(ev + 1);

	if (ev->h.len == sizeof(*ev))
		return true;
	return ev->h.len >= sizeof(*ev) + sizeof(*x) && x->args_len <= RED_EXEC_ARGS &&
	       x->env_len <= RED_EXEC_ENV &&
	       ev->h.len == sizeof(*ev) + sizeof(*x) + x->args_len + x->env_len;
}

static bool process_ok(const struct red_ev_process *ev)
{
	return ev->h.len ==
	       sizeof(*ev) + ev->service_len + ev->namespace_len + ev->instance_len + ev->exe_len;
}

int record__check(const void *data, size_t size)
{
	const struct red_hdr *h = data;

	if (size < sizeof(*h) || h->len != size)
		return -EBADMSG;
	switch (h->kind) {
	case RED_EV_OPEN:
		return size == sizeof(struct red_ev_open) ? 0 : -EBADMSG;
	case RED_EV_DATA:
		return size >= sizeof(struct red_ev_data) && data_ok(data) ? 0 : -EBADMSG;
	case RED_EV_EOF:
	case RED_EV_CLOSE:
	case RED_EV_PROGRESS:
		return size == sizeof(struct red_ev_state) ? 0 : -EBADMSG;
	case RED_EV_EXEC:
		return size >= sizeof(struct red_ev_proc) && exec_ok(data) ? 0 : -EBADMSG;
	case RED_EV_FORK:
	case RED_EV_EXIT:
	case RED_EV_LISTEN:
	case RED_EV_CGROUP:
		return size == sizeof(struct red_ev_proc) ? 0 : -EBADMSG;
	case RED_EV_INJECT:
		return size == sizeof(struct red_ev_inject) ? 0 : -EBADMSG;
	case RED_EV_PROCESS:
		return size >= sizeof(struct red_ev_process) && process_ok(data) ? 0 : -EBADMSG;
	}
	return -EBADMSG;
}

/* ---- writing ------------------------------------------------------------------------ */

struct recording_writer {
	FILE *f;
	uint64_t bytes;
	int err; /* the first */
};

static void put(struct recording_writer *w, const void *p, size_t n)
{
	if (w->err)
		return;
	if (fwrite(p, 1, n, w->f) != n)
		w->err = errno ? -errno : -EIO;
	else
		w->bytes += n;
}

/* An empty regular file of our own, that nobody else can read: what is there may
 * belong to somebody, who would then be handed what others sent. */
static int create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if (st.st_uid != geteuid() || st.st_nlink != 1)
		err = -EEXIST;
	else if (fchmod(fd, 0600) || ftruncate(fd, 0))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

struct recording_writer *recording_writer__new(const char *path)
{
	struct recording_header h = {
		.magic = RECORDING_MAGIC,
		.abi_version = RED_ABI_VERSION,
		.header_len = sizeof(h),
		.created_unix_ns = unix_ns(),
		.unix_minus_mono_ns = unix_ns() - mono_ns(),
	};
	struct recording_writer *w = calloc(1, sizeof(*w));
	int fd, err;

	if (!w)
		return NULL;
	fd = create(path);
	err = fd < 0 ? -fd : 0;
	if (err)
		goto out;
	w->f = fdopen(fd, "w");
	err = w->f ? 0 : errno;
	if (err)
		goto out;
	setvbuf(w->f, NULL, _IOFBF, 1 << 16);
	put(w, &h, sizeof(h));
	return w;
out:
	if (fd >= 0)
		close(fd);
	free(w);
	errno = err;
	return NULL;
}

int recording_writer__add(struct recording_writer *w, const void *record, size_t size)
{
	static const char zero[8];
	const struct red_hdr *h = record;
	struct red_ev_open open;
	struct red_ev_proc exec;

	if (h->kind == RED_EV_OPEN && size == sizeof(open)) {
		memcpy(&open, record, sizeof(open));
		open.sk = 0;
		record = &open;
	} else if (h->kind == RED_EV_EXEC && size > sizeof(exec)) { /* secrets, perhaps */
		memcpy(&exec, record, sizeof(exec));
		exec.h.len = size = sizeof(exec);
		record = &exec;
	}
	put(w, record, size);
	put(w, zero, -size & 7);
	return w->err;
}

int recording_writer__free(struct recording_writer *w)
{
	int err;

	if (!w)
		return 0;
	if (fflush(w->f) && !w->err)
		w->err = -errno;
	if (fclose(w->f) && !w->err)
		w->err = -errno;
	err = w->err;
	free(w);
	return err;
}

uint64_t recording_writer__bytes(const struct recording_writer *w)
{
	return w->bytes;
}

/* ---- reading ------------------------------------------------------------------------- */

struct recording_reader {
	const uint8_t *map;
	size_t size, at;
};

static int check_header(const struct recording_reader *r, char *err, size_t err_size)
{
	const struct recording_header *h = (const void *)r->map;

	if (r->size < sizeof(*h) || memcmp(h->magic, RECORDING_MAGIC, sizeof(h->magic))) {
		snprintf(err, err_size, "this is no recording of redeye");
		return -EBADMSG;
	}
	if (h->header_len < sizeof(*h) || h->header_len > r->size || h->header_len % 8) {
		snprintf(err, err_size, "the recording's header is damaged");
		return -EBADMSG;
	}
	if (h->abi_version != RED_ABI_VERSION) {
		snprintf(err, err_size, "recording format %u, this redeye reads %u", h->abi_version,
			 RED_ABI_VERSION);
		return -EPROTO;
	}
	return 0;
}

static int map_file(struct recording_reader *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		err = -errno;
	} else if (!S_ISREG(st.st_mode)) {
		err = -EINVAL;
	} else if (st.st_size) {
		r->size = st.st_size;
		r->map = mmap(NULL, r->size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (r->map == MAP_FAILED) {
			r->map = NULL;
			err = -errno;
		}
	}
	close(fd);
	return err;
}

struct recording_reader *recording_reader__new(const char *path, char *err, size_t err_size)
{
	struct recording_reader *r = calloc(1, sizeof(*r));
	int rc = r ? map_file(r, path) : -ENOMEM;

	if (rc) {
		snprintf(err, err_size, "%s", strerror(-rc));
		goto out;
	}
	rc = check_header(r, err, err_size);
	if (rc)
		goto out;
	r->at = recording_reader__header(r)->header_len;
	return r;
out:
	recording_reader__free(r);
	errno = -rc;
	return NULL;
}

const struct recording_header *recording_reader__header(const struct recording_reader *r)
{
	return (const void *)r->map;
}

int recording_reader__next(struct recording_reader *r, const struct red_hdr **record, char *err,
			   size_t err_size)
{
	const struct red_hdr *h = (const void *)(r->map + r->at);
	size_t left = r->size - r->at;

	if (!left)
		return 0;
	if (left < sizeof(*h) || h->len > left) {
		snprintf(err, err_size, "the recording ends within a record, at byte %zu", r->at);
		return -EBADMSG;
	}
	if (record__check(h, h->len)) {
		snprintf(err, err_size, "damaged record at byte %zu", r->at);
		return -EBADMSG;
	}
	*record = h;
	r->at += (h->len + 7ul) & ~7ul;
	if (r->at > r->size)
		r->at = r->size;
	return 1;
}

void recording_reader__free(struct recording_reader *r)
{
	if (!r)
		return;
	if (r->map)
		munmap((void *)r->map, r->size);
	free(r);
}
