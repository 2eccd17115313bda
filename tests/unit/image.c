// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Functions of real files, by every source; what they should be is said by nm, dlsym and
 * the files' bytes in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <lzma.h>

#include "image_fixture.h"
#include "signatures.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void expect(const struct image *img, const char *name, uint64_t address,
		   enum image_source source)
{
	struct image_function f = find_one(img, name);

	if (f.source != source || (source && f.address != address))
		fail_msg("%s: in %s at %llx, not in %s at %llx", name, image_source__name(f.source),
			 (unsigned long long)f.address, image_source__name(source),
			 (unsigned long long)address);
}

static void symtab(void **state)
{
	struct image *img = image_of(in_dir("full"));

	expect(img, "SSL_read", nm("", "full", "SSL_read"), IMAGE_SYMTAB);
	expect(img, "my_SSL_read", nm("", "full", "my_SSL_read"), IMAGE_SYMTAB);
	expect(img, "SSL_readable", nm("", "full", "SSL_readable"), IMAGE_SYMTAB);
	expect(img, "once", nm("", "full", "once"), IMAGE_SYMTAB);
	expect(img, "twice", 0, IMAGE_NOWHERE);    /* there are two */
	expect(img, "SSL_data", 0, IMAGE_NOWHERE); /* is no function */
	expect(img, "SSL_rea", 0, IMAGE_NOWHERE);
	expect(img, "_read", 0, IMAGE_NOWHERE);
	expect(img, "", 0, IMAGE_NOWHERE);
	assert_string_equal(image__soname(img), "");
	assert_false(image__is_go(img));
	image__free(img);
}

/* All at once gives the same, in the order of the question. */
static void many_at_once(void **state)
{
	static const char *const names[] = { "other", "nothing", "SSL_read", "main", "twice" };
	struct image *img = image_of(in_dir("full"));
	struct image_function found[N(names)], one;

	assert_int_equal(image__find(img, names, N(names), found), 3);
	for (size_t i = 0; i < N(names); i++) {
		one = find_one(img, names[i]);
		assert_int_equal(found[i].source, one.source);
		assert_int_equal(found[i].offset, one.offset);
		assert_int_equal(found[i].size, one.size);
	}
	assert_int_equal(image__find(img, names, 0, NULL), 0);
	assert_int_equal(image__find(img, names, IMAGE_NAMES_MAX + 1, NULL), -E2BIG);
	image__free(img);
}

static void the_default_version(void **state)
{
	struct image *img = image_of(in_dir("lib.so"));
	uint64_t is = nm("", "lib.so", "new_fn");

	assert_string_equal(image__soname(img), "libfixture.so.7");
	expect(img, "fn", is, IMAGE_SYMTAB);
	expect(img, "gone", 0, IMAGE_NOWHERE); /* two versions, no default */
	expect(img, "plain", nm("", "lib.so", "plain"), IMAGE_SYMTAB);
	image__free(img);
	sh("strip -o lib-stripped.so lib.so");
	img = image_of(in_dir("lib-stripped.so"));
	expect(img, "fn", is, IMAGE_DYNSYM);
	expect(img, "gone", 0, IMAGE_NOWHERE);
	expect(img, "old_fn", nm("-D", "lib-stripped.so", "old_fn"),
	       nm("-D", "lib-stripped.so", "old_fn") ? IMAGE_DYNSYM : IMAGE_NOWHERE);
	image__free(img);
}

/* As the loader will make it, not as it is in the file: 0, mostly. */
static void a_relocated_pointer(void **state)
{
	struct image *img = image_of(in_dir("full"));
	uint64_t word;

	assert_int_equal(image__word(img, nm("", "full", "pointer"), &word), 0);
	assert_int_equal(word, nm("", "full", "other"));
	assert_int_equal(image__word(img, UINT64_MAX - 3, &word), -ERANGE);
	image__free(img);
}

/* ---- what is loaded into this process ---- */

/* A uprobe is put at a file offset: what is there must be what runs. */
static void expect_loaded(const char *library, const char *const *names, size_t n)
{
	void *handle = dlopen(library, RTLD_NOW);
	struct image_function f[16];
	uint8_t bytes[16];
	struct link_map *map;
	struct image *img;

	if (!handle) {
		print_message("skipped: no %s here\n", library);
		skip();
	}
	assert_int_equal(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
	img = image_of(map->l_name);
	assert_string_equal(image__soname(img), library);
	assert_int_equal(image__find(img, names, n, f), n);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *code = dlsym(handle, names[i]);

		assert_int_equal(f[i].address, (uintptr_t)code - map->l_addr);
		assert_int_equal(image__pread(img, f[i].offset, bytes, sizeof(bytes)), 0);
		assert_memory_equal(bytes, code, sizeof(bytes));
		assert_true(f[i].size > 0);
	}
	image__free(img);
	dlclose(handle);
}

static void libssl(void **state)
{
	static const char *const names[] = { "SSL_read",         "SSL_write",    "SSL_read_ex",
					     "SSL_write_ex",     "SSL_free",     "SSL_peek",
					     "SSL_do_handshake", "SSL_shutdown", "SSL_get_fd" };

	expect_loaded("libssl.so.3", names, N(names));
}

static void libc(void **state)
{
	static const char *const names[] = { "malloc", "qsort", "fopen", "printf", "accept4" };
	struct image *img;
	struct link_map *map;
	void *handle = dlopen("libc.so.6", RTLD_NOW);

	expect_loaded("libc.so.6", names, N(names));
	assert_int_equal(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
	img = image_of(map->l_name);
	expect(img, "memcpy", 0, IMAGE_NOWHERE); /* STT_GNU_IFUNC, and an old one that is not */
	image__free(img);
	dlclose(handle);
}

/* ---- tables in other places ---- */

static void compress(const char *from, const char *to)
{
	size_t len, out_len = 0, cap;
	uint8_t *bytes = read_whole(in_dir(from), &len), *out;

	cap = lzma_stream_buffer_bound(len);
	out = malloc(cap);
	assert_int_equal(
		lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, bytes, len, out, &out_len, cap),
		LZMA_OK);
	write_text(to, out, out_len);
	free(out);
	free(bytes);
}

static void debugdata(void **state)
{
	struct image *img;

	sh("objcopy --only-keep-debug full mini && echo once > keep &&"
	   " objcopy -S --remove-section .comment --keep-symbols=keep mini");
	compress("mini", "mini.xz");
	sh("objcopy --add-section .gnu_debugdata=mini.xz stripped with-mini");
	img = image_of(in_dir("with-mini"));
	expect(img, "once", nm("", "full", "once"), IMAGE_DEBUGDATA);
	expect(img, "other", 0, IMAGE_NOWHERE);
	image__free(img);
}

static void debugdata_that_is_none(void **state)
{
	static const char *const commands[] = { "head -c 100 mini.xz > bad.xz",
						"head -c 5000 /dev/zero > bad.xz",
						"cp main.c bad.xz && cp mini.xz bad2",
						": > bad.xz && printf x > bad.xz" };
	struct image *img;

	for (size_t i = 0; i < N(commands); i++) {
		sh("%s", commands[i]);
		sh("objcopy --add-section .gnu_debugdata=bad.xz stripped with-bad");
		img = image_of(in_dir("with-bad"));
		expect(img, "once", 0, IMAGE_NOWHERE);
		image__free(img);
	}
}

/* 65 MiB of zeros are 10 kB compressed. */
static void debugdata_that_is_huge(void **state)
{
	struct image *img;

	sh("truncate -s 65M zeros");
	compress("zeros", "bad.xz");
	sh("rm zeros && objcopy --add-section .gnu_debugdata=bad.xz stripped with-bad");
	img = image_of(in_dir("with-bad"));
	assert_int_equal(debugdata__open(img), -EFBIG);
	expect(img, "once", 0, IMAGE_NOWHERE);
	image__free(img);
}

static const char *debug_path(const struct image *img)
{
	static char path[256];
	const char *id = image__build_id(img);

	assert_int_equal(strlen(id), 40);
	snprintf(path, sizeof(path), "root/usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
	return path;
}

#define DEBUG "objcopy --only-keep-debug full "

/* Whether `once` is found with the file that `command` makes at the debug file's place. */
static enum image_source with_debug_file(const char *command)
{
	struct image *img = image_of(in_dir("stripped"));
	const char *path = debug_path(img);
	enum image_source source;
	int root;

	sh("rm -rf root && mkdir -p $(dirname %s) && P=%s && %s", path, path, command);
	root = open_file(in_dir("root"));
	image__look_in(img, root, NULL);
	source = find_one(img, "once").source;
	image__free(img);
	close(root);
	return source;
}

static void debug_file(void **state)
{
	static const struct {
		const char *command;
		enum image_source source;
	} cases[] = {
		{ DEBUG "$P", IMAGE_DEBUG_FILE },
		{ DEBUG "root/d && ln -s /d $P", IMAGE_DEBUG_FILE },
		{ DEBUG "root/d && ln -s ../../../../../../../d $P", IMAGE_DEBUG_FILE },
		/* Only root's word is taken. */
		{ DEBUG "$P && chown 1 $P", IMAGE_NOWHERE },
		{ DEBUG "$P && chmod g+w $P", IMAGE_NOWHERE },
		{ DEBUG "$P && chmod o+w $P", IMAGE_NOWHERE },
		{ DEBUG "root/d && chown 1 root/d && ln -s /d $P", IMAGE_NOWHERE },
		{ ":", IMAGE_NOWHERE },
		{ "cp full outside && ln -s $PWD/outside $P", IMAGE_NOWHERE },
		{ "cp full outside && ln -s ../../../../../../../outside $P", IMAGE_NOWHERE },
		{ "cc -Wl,--build-id=0x12345678 -o $P main.c other.c", IMAGE_NOWHERE },
		{ "cc -Wl,--build-id=none -o $P main.c other.c", IMAGE_NOWHERE },
		{ "mkfifo $P", IMAGE_NOWHERE },
		{ "mkdir $P", IMAGE_NOWHERE },
		{ "ln -s $P $P", IMAGE_NOWHERE },
		{ "head -c 3000 full > $P", IMAGE_NOWHERE },
		{ "ln -s /proc/self/exe $P", IMAGE_NOWHERE },
	};

	if (geteuid()) {
		print_message("debug files are root's\n");
		skip();
	}
	for (size_t i = 0; i < N(cases); i++) {
		enum image_source source = with_debug_file(cases[i].command);

		if (source != cases[i].source)
			fail_msg("%s: %s", cases[i].command, image_source__name(source));
	}
}

/* ---- a large table ---- */

#define MANY 3000

static void write_many(void)
{
	FILE *f = fopen(in_dir("many.c"), "we");

	assert_non_null(f);
	for (int i = 0; i < MANY; i++)
		fprintf(f, "int a_name_that_is_%0*d_long(void) { return %d; }\n", 20 + i % 90, i,
			i);
	fclose(f);
	sh("cc -O0 -shared -fPIC -o many.so many.c && nm many.so | sort > many.nm");
}

/* The names take several windows, and so do the symbols. */
static void each_of_many(void **state)
{
	struct image *img;
	char line[512], name[300];
	const char *names = name;
	unsigned long long address;
	size_t n = 0;
	FILE *f;

	write_many();
	img = image_of(in_dir("many.so"));
	f = fopen(in_dir("many.nm"), "re");
	while (fgets(line, sizeof(line), f)) {
		struct image_function found;

		if (sscanf(line, "%llx T %299s", &address, name) != 2 || !strstr(name, "a_name"))
			continue;
		assert_int_equal(image__find(img, &names, 1, &found), 1);
		assert_int_equal(found.address, address);
		n++;
	}
	assert_int_equal(n, MANY);
	fclose(f);
	image__free(img);
}

struct seen {
	size_t n, stop_at;
	uint64_t sum;
};

static bool see(void *arg, const char *name, const struct image_function *f)
{
	struct seen *s = arg;

	s->sum += f->address;
	return ++s->n != s->stop_at;
}

static void by_a_part_of_the_name(void **state)
{
	struct image *img = image_of(in_dir("many.so")), *stripped;
	struct seen all = { 0 }, some = { 0 }, none = { 0 }, stopped = { .stop_at = 7 };
	struct seen everything = { 0 };

	/* in .symtab and again in .dynsym */
	assert_int_equal(image__each(img, "a_name_that", see, &all), 0);
	assert_int_equal(all.n, 2 * MANY);
	assert_int_equal(image__each(img, "0042_long", see, &some), 0);
	assert_int_equal(some.n, 2);
	assert_int_equal(image__each(img, "a_name_thar", see, &none), 0);
	assert_int_equal(none.n, 0);
	assert_int_equal(image__each(img, "a_name", see, &stopped), 0);
	assert_int_equal(stopped.n, 7);
	assert_int_equal(image__each(img, "", see, &everything), 0);
	assert_true(everything.n > 2 * MANY);
	image__free(img);
	stripped = image_of(in_dir("stripped"));
	assert_int_equal(image__each(stripped, "once", see, &none), 0);
	assert_int_equal(none.n, 0);
	image__free(stripped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symtab),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(the_default_version),
		cmocka_unit_test(a_relocated_pointer),
		cmocka_unit_test(libssl),
		cmocka_unit_test(libc),
		cmocka_unit_test(debugdata),
		cmocka_unit_test(debugdata_that_is_none),
		cmocka_unit_test(debugdata_that_is_huge),
		cmocka_unit_test(debug_file),
		cmocka_unit_test(each_of_many),
		cmocka_unit_test(by_a_part_of_the_name),
	};

	return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
