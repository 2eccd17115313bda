/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Executables that are made when the test runs, in a folder of its own, by the tools that
 * the build needs anyway: cc, objcopy, strip.
 *
 *	full      with symbols           stripped  without
 *	lib.so    with a SONAME and versions
 */
#ifndef RED_TEST_IMAGE_FIXTURE_H
#define RED_TEST_IMAGE_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image_internal.h"

static char dir[] = "/tmp/redeye-image-XXXXXX";

static const char main_c[] = "static int twice(int n) { return n; }\n"
			     "int other(void);\n"
			     "int SSL_read(int n) { return twice(n) + 1; }\n"
			     "int my_SSL_read(int n) { return n + 2; }\n"
			     "int SSL_readable(int n) { return n + 3; }\n"
			     "int SSL_data = 7;\n"
			     "int (*pointer)(void) = other;\n"
			     "static int once(int n) { return n * 5; }\n"
			     "int main(int n, char **v) { return SSL_read(n) + my_SSL_read(n) +"
			     " SSL_readable(n) + other() + once(n); }\n";
static const char other_c[] = "static int twice(int n) { return n + 9; }\n"
			      "int other(void) { return twice(4); }\n";
static const char lib_c[] = "int old_fn(void) { return 1; }\n"
			    "int new_fn(void) { return 2; }\n"
			    "int gone_1(void) { return 3; }\n"
			    "int gone_2(void) { return 4; }\n"
			    "__asm__(\".symver old_fn,fn@V1\");\n"
			    "__asm__(\".symver new_fn,fn@@V2\");\n"
			    "__asm__(\".symver gone_1,gone@V1\");\n"
			    "__asm__(\".symver gone_2,gone@V2\");\n"
			    "int plain(void) { return 5; }\n";

/* Runs a shell command in the folder. */
__attribute__((format(printf, 1, 2))) static inline void sh(const char *fmt, ...)
{
	char command[2048];
	va_list args;
	int n = snprintf(command, sizeof(command), "cd %s && ", dir);

	va_start(args, fmt);
	vsnprintf(command + n, sizeof(command) - n, fmt, args);
	va_end(args);
	if (system(command))
		fail_msg("%s", command);
}

static inline const char *in_dir(const char *name)
{
	static char path[4][256];
	static int i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static inline void write_text(const char *name, const void *text, size_t len)
{
	FILE *f = fopen(in_dir(name), "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static inline int fixture_set_up(void **state)
{
	assert_non_null(mkdtemp(dir));
	write_text("main.c", main_c, sizeof(main_c) - 1);
	write_text("other.c", other_c, sizeof(other_c) - 1);
	write_text("lib.c", lib_c, sizeof(lib_c) - 1);
	sh("echo 'V1 { }; V2 { global: plain; } V1;' > lib.map");
	sh("cc -O0 -Wl,--build-id=sha1 -o full main.c other.c");
	sh("strip -o stripped full");
	sh("cc -O0 -shared -fPIC -Wl,-soname,libfixture.so.7 -Wl,--version-script=lib.map"
	   " -o lib.so lib.c");
	return 0;
}

static inline int fixture_tear_down(void **state)
{
	sh("rm -rf %s", dir);
	return 0;
}

static inline int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s", path);
	return fd;
}

/* The image of a file; its descriptor stays open until the process ends. */
static inline struct image *image_of(const char *path)
{
	char why[128] = "";
	struct image *img = image__new(open_file(path), why, sizeof(why));

	if (!img)
		fail_msg("%s: %s", path, why);
	return img;
}

static inline struct image_function find_one(const struct image *img, const char *name)
{
	struct image_function f;
	int n = image__find(img, &name, 1, &f);

	assert_true(n == 0 || n == 1);
	assert_int_equal(n, f.source != IMAGE_NOWHERE);
	return f;
}

/* What nm(1) says is the address of a function; 0: nothing. */
static inline uint64_t nm(const char *options, const char *file, const char *name)
{
	char command[512];
	unsigned long long address = 0;
	FILE *p;

	snprintf(command, sizeof(command), "cd %s && nm %s %s 2>&1 | awk '$3 == \"%s\" {print $1}'",
		 dir, options, file, name);
	p = popen(command, "re");
	assert_non_null(p);
	if (fscanf(p, "%llx", &address) != 1)
		address = 0;
	pclose(p);
	return address;
}

/* A file's bytes, in memory with a descriptor. */
static inline int memory_file(const void *bytes, size_t len)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	return fd;
}

static inline uint8_t *read_whole(const char *path, size_t *len)
{
	int fd = open_file(path);
	struct stat st;
	uint8_t *bytes;

	assert_int_equal(fstat(fd, &st), 0);
	*len = st.st_size;
	bytes = malloc(*len);
	assert_int_equal(read(fd, bytes, *len), *len);
	close(fd);
	return bytes;
}

#endif /* RED_TEST_IMAGE_FIXTURE_H */
