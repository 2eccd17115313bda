// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two bytes of where the reader is, two of how far the kernel, the rest is a ring of 1 KiB; and
 * the text as a list of processors. */
#undef NDEBUG
#include <assert.h>

#include "../../uprobes/mmap_watch.c"

#define SIZE 1024

static void record(void *arg, const struct mmap_record *r)
{
	assert(r->inode);
	++*(uint64_t *)arg;
}

static void cpu(void *arg, unsigned int i)
{
	assert(i < MAX_CPUS || ++*(unsigned int *)arg <= MAX_CPUS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t ring[SIZE];
	struct mmap_watch_stats st = { 0 };
	uint64_t tail, head, told = 0;
	unsigned int many = 0;
	char list[64] = "";

	if (len < 4 || len > SIZE + 4)
		return 0;
	memcpy(list, data, len < sizeof(list) ? len : sizeof(list) - 1);
	mmap_watch__cpus(list, cpu, &many);
	tail = data[0] | data[1] << 8;
	head = tail + ((data[2] | data[3] << 8) & (SIZE - 1));
	memset(ring, 0, SIZE);
	for (size_t i = 4; i < len; i++)
		ring[(tail + i - 4) & (SIZE - 1)] = data[i];
	mmap_watch__parse(ring, SIZE, &tail, head, &st, record, &told);
	assert(tail == head && told == st.records && told <= SIZE / sizeof(struct mmap2));
	return 0;
}
