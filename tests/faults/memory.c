// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Memory that runs out. fopen() and all else of the C library that takes memory comes here, too,
 * since it calls malloc like anybody else. Under AddressSanitizer what is called from here is its
 * own malloc, so that it still sees every byte; strdup() is here because it has that as well.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim.h"

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void *(*real_aligned)(size_t, size_t);

/* What dlsym() itself takes while it looks for malloc; never freed. */
static char early[4096];
static size_t early_used;
static bool looking;

static void *early_calloc(size_t size)
{
	void *p = early + early_used;

	early_used += (size + 15) & ~15ul;
	return early_used <= sizeof(early) ? p : NULL;
}

__attribute__((constructor)) static void look(void)
{
	looking = true;
	real_malloc = next_symbol("malloc");
	real_realloc = next_symbol("realloc");
	real_aligned = next_symbol("aligned_alloc");
	real_calloc = next_symbol("calloc");
	looking = false;
}

static uint64_t mixed(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	return x ^ x >> 33;
}

/* ---- who asks ------------------------------------------------------------------------------- */

struct range {
	uintptr_t from, to;
};

static struct range spared[16];
static size_t n_spared;

/* FAULTS_SPARE=NAME,...: libraries whose own allocations neither count nor fail. */
static bool is_spared_name(const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	const char *list = getenv("FAULTS_SPARE");
	size_t len;

	for (; list && *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if (!strncmp(name, list, len))
			return true;
	}
	return false;
}

static bool is_spared(const void *caller)
{
	for (size_t i = 0; i < n_spared; i++)
		if ((uintptr_t)caller >= spared[i].from && (uintptr_t)caller < spared[i].to)
			return true;
	return false;
}

static int find_spared(struct dl_phdr_info *info, size_t size, void *arg)
{
	for (int i = 0; is_spared_name(info->dlpi_name) && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		uintptr_t from = info->dlpi_addr + h->p_vaddr;

		if (h->p_type == PT_LOAD && h->p_flags & PF_X && !is_spared((void *)from) &&
		    n_spared < sizeof(spared) / sizeof(spared[0]))
			spared[n_spared++] = (struct range){ from, from + h->p_memsz };
	}
	return 0;
}

void find_spared_libraries(void)
{
	dl_iterate_phdr(find_spared, NULL);
}

/* With libcurl come others. */
void *dlopen(const char *file, int mode)
{
	void *(*real)(const char *, int) = next_symbol("dlopen");
	void *library = real(file, mode);

	find_spared_libraries();
	return library;
}

/* FAULTS_TELL=1: where it was, for whoever looks for the reason. */
static void tell(void)
{
	static __thread bool telling;
	void *at[24];

	if (telling)
		return;
	telling = true;
	backtrace_symbols_fd(at, backtrace(at, 24), STDERR_FILENO);
	telling = false;
}

static bool fails(const void *caller)
{
	uint32_t one_in = __atomic_load_n(&control->one_in, __ATOMIC_RELAXED);
	uint64_t n;

	if (is_spared(caller))
		return false;
	n = __atomic_add_fetch(&control->allocations, 1, __ATOMIC_RELAXED);
	if (n != control->fail_at && (!one_in || mixed(n + control->seed) % one_in))
		return false;
	__atomic_add_fetch(&control->failed, 1, __ATOMIC_RELAXED);
	if (getenv("FAULTS_TELL"))
		tell();
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	if (!real_malloc) {
		if (looking)
			return early_calloc(size);
		look();
	}
	return fails(__builtin_return_address(0)) ? NULL : real_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	if (!real_calloc) {
		if (looking)
			return early_calloc(n * size);
		look();
	}
	return fails(__builtin_return_address(0)) ? NULL : real_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	if (!real_realloc)
		look();
	return fails(__builtin_return_address(0)) ? NULL : real_realloc(old, size);
}

void *reallocarray(void *old, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return fails(__builtin_return_address(0)) ? NULL : real_realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	if (!real_aligned)
		look();
	return fails(__builtin_return_address(0)) ? NULL : real_aligned(alignment, size);
}

int posix_memalign(void **p, size_t alignment, size_t size)
{
	void *got = NULL;

	if (!real_aligned)
		look();
	if (!fails(__builtin_return_address(0)))
		got = real_aligned(alignment, size);

	if (!got)
		return ENOMEM;
	*p = got;
	return 0;
}

char *strdup(const char *s)
{
	size_t size = strlen(s) + 1;
	char *p = fails(__builtin_return_address(0)) ? NULL : real_malloc(size);

	return p ? memcpy(p, s, size) : NULL;
}

char *strndup(const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	char *p = fails(__builtin_return_address(0)) ? NULL : real_malloc(len + 1);

	if (!p)
		return NULL;
	p[len] = '\0';
	return memcpy(p, s, len);
}
