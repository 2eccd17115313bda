// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Three allocations: of the first it is right that it may fail; the second then leaks the first;
 * the third is not looked at. For the test of the test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
	char *first = malloc(10), *second, *third;

	if (!first) {
		fprintf(stderr, "redeye: error: out of memory\n");
		return 1;
	}
	second = malloc(10);
	if (!second) {
		first = NULL;
		fprintf(stderr, "redeye: error: out of memory\n");
		return 1;
	}
	third = malloc(10);
	strcpy(third, "x");
	free(third);
	free(second);
	free(first);
	return 0;
}
