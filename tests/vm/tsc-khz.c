// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Prints the frequency of this machine's time-stamp counter in kHz, for vmrun. */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct sample {
	unsigned long long ns, ticks;
};

/* Both clocks at one instant: of many tries the one that was not interrupted in the middle. */
static struct sample sample(void)
{
	unsigned long long before, width, narrowest = ~0ULL;
	struct sample best = {};
	struct timespec t;

	for (int i = 0; i < 1000; i++) {
		before = __rdtsc();
		clock_gettime(CLOCK_MONOTONIC_RAW, &t);
		width = __rdtsc() - before;
		if (width >= narrowest)
			continue;
		narrowest = width;
		best.ns = t.tv_sec * 1000000000ULL + t.tv_nsec;
		best.ticks = before + width / 2;
	}
	return best;
}

int main(void)
{
	struct sample a = sample(), b;

	nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
	b = sample();
	printf("%.0f\n", (b.ticks - a.ticks) * 1e6 / (b.ns - a.ns));
	return 0;
}
