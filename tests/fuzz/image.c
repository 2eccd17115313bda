// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as an executable, and as notes on it: what is found is code of it, and what is
 * printed of that is found again. */
#include "image_input.h"

#include "signatures.h"

static const char *const names[] = { "SSL_read", "a", "main", "fn", "read" };

#define N_NAMES (sizeof(names) / sizeof(names[0]))

static void check(const struct image *img, const struct image_function *f)
{
	uint64_t offset;

	assert(!image__offset(img, f->address, f->size ? f->size : 1, &offset));
	assert(offset == f->offset && offset < input_len && f->size <= input_len - offset);
}

static bool each_function(void *arg, const char *name, const struct image_function *f)
{
	check(arg, f);
	assert(strstr(name, "a"));
	return name[0] != 'x';
}

static void print_and_find(struct image *img, const struct image_function *f)
{
	char row[512] = "", why[256];
	FILE *to = fmemopen(row, sizeof(row), "w");
	struct image_function again;
	struct signatures *s;
	int err = signatures__print(to, img, "f", f);

	fclose(to);
	if (err)
		return;
	s = signatures__parse("", row, strlen(row), why, sizeof(why));
	assert(s && signatures__count(s) == 1);
	err = signatures__find(s, img, "f", &again);
	assert(!err ? again.offset == f->offset : err == -ERANGE); /* so near to code's end */
	signatures__free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct image_function f[N_NAMES];
	char why[128] = "";
	struct image *img;
	uint64_t word;
	int n, found = 0;

	input = data;
	input_len = len;
	img = image__new_of(INPUT_FD, EM_X86_64, why, sizeof(why));
	assert(img || (why[0] && errno));
	if (!img)
		return 0;
	n = image__find(img, names, N_NAMES, f);
	for (size_t i = 0; i < N_NAMES && n >= 0; i++) {
		if (!f[i].source)
			continue;
		check(img, &f[i]);
		if (!found++)
			print_and_find(img, &f[i]);
	}
	assert(n < 0 || n == found);
	image__each(img, "a", each_function, img);
	image__word(img, img->header.e_entry, &word);
	image__free(img);
	return 0;
}
