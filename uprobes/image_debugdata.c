// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * .gnu_debugdata, "MiniDebugInfo": an ELF file of little more than a .symtab, compressed by
 * xz (GDB manual, "Debugging information in a special section"). It is unpacked into memory
 * that has a descriptor, so that it is an image like any other.
 */
#include "image_internal.h"

#include <errno.h>
#include <lzma.h>
#include <sys/mman.h>
#include <unistd.h>

#define UNPACKED_MAX (64 << 20)
#define DECODER_MAX  (34 << 20) /* xz -8; rpm and others use -6, which takes 9 MiB */
#define CHUNK        16384

struct unpack {
	const struct image *img;
	struct window in;
	uint64_t at, end; /* what is left to be read */
	int out;
	size_t written;
};

static int flush(struct unpack *u, const uint8_t *bytes, size_t len)
{
	if (u->written + len > UNPACKED_MAX || !image__spend(u->img, len / 4))
		return -EFBIG;
	for (ssize_t n; len; bytes += n, len -= n, u->written += n) {
		n = write(u->out, bytes, len);
		if (n <= 0)
			return n ? -errno : -EIO;
	}
	return 0;
}

static int refill(struct unpack *u, lzma_stream *s)
{
	size_t n = u->end - u->at < IMAGE_WINDOW ? u->end - u->at : IMAGE_WINDOW;

	if (s->avail_in || !n)
		return 0;
	s->next_in = window__at(&u->in, u->img, u->at, n);
	if (!s->next_in)
		return -EIO;
	s->avail_in = n;
	u->at += n;
	return 0;
}

static int decode(struct unpack *u, lzma_stream *s)
{
	uint8_t out[CHUNK];
	lzma_ret rc = LZMA_OK;
	int err = 0;

	while (!err && rc == LZMA_OK) {
		err = refill(u, s);
		if (err)
			break;
		s->next_out = out;
		s->avail_out = sizeof(out);
		rc = lzma_code(s, u->at == u->end ? LZMA_FINISH : LZMA_RUN);
		err = flush(u, out, sizeof(out) - s->avail_out);
	}
	if (err || rc == LZMA_STREAM_END)
		return err;
	return rc == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

static int unpack(struct unpack *u)
{
	lzma_stream s = LZMA_STREAM_INIT;
	int err;

	if (lzma_stream_decoder(&s, DECODER_MAX, 0) != LZMA_OK)
		return -ENOMEM;
	err = decode(u, &s);
	lzma_end(&s);
	return err;
}

int debugdata__open(const struct image *img)
{
	const Elf64_Shdr *s = image__section(img, ".gnu_debugdata");
	struct unpack u;
	int err;

	if (!s)
		return -ENOENT;
	window__init(&u.in);
	u.img = img;
	u.written = 0;
	u.at = s->sh_offset;
	u.end = s->sh_offset + s->sh_size;
	u.out = memfd_create("debugdata", MFD_CLOEXEC);
	if (u.out < 0)
		return -errno;
	err = unpack(&u);
	if (!err)
		return u.out;
	close(u.out);
	return err;
}
