// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as the table of a Go program whose code is as it should be: the returns that are
 * told are return instructions inside of their function, ascending. */
#include "image_input.h"

#include "../unit/gopclntab_fixture.h"
#include "gobuild.h"
#include "gopclntab.h"

#define FUNCTIONS 96
#define ROOM      (FUNCTIONS * 200 + 8192)

static uint8_t program[ROOM];
static struct go_image image = { .magic = 0xfffffff1, .n = FUNCTIONS, .bytes = program };

static void check(const struct image *img, const struct image_function *f, const uint64_t *at,
		  int n)
{
	assert(n == -ENOTSUP || n == -E2BIG || n > 0);
	for (int i = 0; i < n; i++) {
		assert(at[i] > f->offset && at[i] < f->offset + f->size);
		assert(input[at[i]] == 0xc3);
		assert(!i || at[i] > at[i - 1]);
	}
}

static void ask(const struct image *img, const struct gopclntab *t, const char *name)
{
	struct gopclntab_function fn;
	uint64_t offsets[8], offset;

	if (gopclntab__find(t, name, &fn))
		return;
	assert(!image__offset(img, fn.f.address, fn.f.size, &offset) && offset == fn.f.offset);
	check(img, &fn.f, offsets, gopclntab__returns(t, &fn, offsets, 8));
}

/* Headers and code stay, what comes behind them is the input. */
static void make(const uint8_t *data, size_t len)
{
	if (!image.len)
		go_image__make(&image);
	memcpy(program + image.table, data, len);
	image.len = image.table + len;
	go_segments(&image, image.table);
	((Elf64_Ehdr *)program)->e_shnum = 0;
	((Elf64_Ehdr *)program)->e_shoff = 0;
	input = program;
	input_len = image.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char why[128] = "", version[64];
	struct gopclntab *t;
	struct image *img;

	if (!len || len > 8192)
		return 0;
	make(data, len);
	img = image__new_of(INPUT_FD, EM_X86_64, why, sizeof(why));
	assert(img);
	t = gopclntab__new(img, why, sizeof(why));
	assert(t || why[0]);
	for (const char *const *name =
		     (const char *const[]){ "crypto/tls.(*Conn).Read", "f1", NULL };
	     t && *name; name++)
		ask(img, t, *name);
	if (!gobuild__version(img, version, sizeof(version)))
		gobuild__abi(img, version, why, sizeof(why));
	gopclntab__free(t);
	image__free(img);
	return 0;
}
