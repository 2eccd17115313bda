// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two bytes of where the reader is, two of how far the writer, then any bytes as the data from
 * there on: what is handed on is what lies there, twice in a row as other readers map it. */
#undef NDEBUG
#include <assert.h>
#include <stdbool.h>

#include "../../agent/ring.c"

#define PAGE 4096u
#define SIZE (2 * PAGE)

static uint8_t *memory; /* the reader's page, the writer's, the data */
static uint8_t twice[2 * SIZE];
static struct ring *ring;
static uint64_t at;

static void set_up(void)
{
	int fd = memfd_create("ring", 0);

	assert(fd >= 0 && getpagesize() == PAGE && !ftruncate(fd, 2 * PAGE + SIZE));
	memory = mmap(NULL, 2 * PAGE + SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ring = ring__new(fd, SIZE);
	assert(memory != MAP_FAILED && ring);
}

/* The next record that is there, as a second reader finds it; discarded ones are passed over. */
static const uint8_t *expected(uint64_t end, size_t *size)
{
	for (uint32_t head; at < end;) {
		const uint8_t *p = twice + (at & (SIZE - 1));

		memcpy(&head, p, sizeof(head));
		assert(!(head & BPF_RINGBUF_BUSY_BIT));
		*size = head & ~BPF_RINGBUF_DISCARD_BIT;
		at += (*size + BPF_RINGBUF_HDR_SZ + 7) & ~7u;
		p += BPF_RINGBUF_HDR_SZ;
		p -= p >= twice + SIZE ? SIZE : 0;
		if (!(head & BPF_RINGBUF_DISCARD_BIT) &&
		    (*size <= sizeof(ring->torn) || p + *size <= twice + SIZE))
			return p;
	}
	abort();
}

static void record(void *arg, const void *got, size_t size)
{
	size_t want_size;
	const uint8_t *want = expected(*(uint64_t *)arg, &want_size);

	assert(size == want_size && !memcmp(got, want, size) && (uintptr_t)got % 8 == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint64_t start, end;
	unsigned int n;

	if (!ring)
		set_up();
	if (len < 4 || len > SIZE + 4)
		return 0;
	start = (data[0] | data[1] << 8) & ~7ull;
	end = start + ((data[2] | data[3] << 8) & (SIZE - 1) & ~7u);
	memset(twice, 0, SIZE);
	for (at = 4; at < len; at++)
		twice[(start + at - 4) & (SIZE - 1)] = data[at];
	memcpy(memory + 2 * PAGE, twice, SIZE);
	memcpy(twice + SIZE, twice, SIZE);
	memcpy(memory, &start, sizeof(start));
	memcpy(memory + PAGE, &end, sizeof(end));
	at = start;
	n = ring__read(ring, 1000, record, &end);
	assert(n <= (end - start) / 8 && *ring->consumer >= start);
	return 0;
}
