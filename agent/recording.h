/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A recording: the records of the ring as they came, in a file. It holds what
 * the observed processes sent and received, so it is created for its owner
 * only (0600) and never over an existing file of somebody else.
 *
 *	struct recording_header, then records, each padded to 8 bytes
 *
 * Kernel addresses are zeroed; what programs were started with is left out. A recording that ends
 *in the middle of a record (the writer was killed, the disk was full) is read up to there.
 */
#ifndef RED_RECORDING_H
#define RED_RECORDING_H

#include <stddef.h>
#include <stdint.h>

#include "redeye.h"

#define RECORDING_MAGIC "REDEYE\r\n"

struct recording_header {
	char magic[8];
	uint32_t abi_version; /* RED_ABI_VERSION */
	uint32_t header_len;
	uint64_t unix_minus_mono_ns; /* to turn the records' times into dates */
	uint64_t created_unix_ns;
};

/* Is this one whole record of a known kind, with lengths that agree? All that
 * comes out of a file is hostile; what the kernel wrote passes as well. */
int record__check(const void *data, size_t size);

struct recording_writer;

/* NULL and errno. */
struct recording_writer *recording_writer__new(const char *path);
int recording_writer__add(struct recording_writer *w, const void *record, size_t size);
/* Flushes and closes. 0, or the first error of all that happened. */
int recording_writer__free(struct recording_writer *w);
uint64_t recording_writer__bytes(const struct recording_writer *w);

struct recording_reader;

/* NULL and a sentence in err. */
struct recording_reader *recording_reader__new(const char *path, char *err, size_t err_size);
const struct recording_header *recording_reader__header(const struct recording_reader *r);
/* 1 and the next record, valid until the reader is freed; 0 at the end; -EBADMSG
 * and a sentence in err when the file is damaged here. */
int recording_reader__next(struct recording_reader *r, const struct red_hdr **record, char *err,
			   size_t err_size);
void recording_reader__free(struct recording_reader *r); /* accepts NULL */

#endif /* RED_RECORDING_H */
