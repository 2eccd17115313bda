// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* redeye signatures: where the functions of TLS libraries are in an executable that still
 * has its symbols, for copies of it that have not. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image.h"
#include "log.h"
#include "options.h"
#include "signatures.h"
#include "tls_functions.h"

#define NAMES_MAX IMAGE_NAMES_MAX

static size_t wanted_names(const char *filter, const char **names)
{
	size_t n = 0;

	for (size_t i = 0; i < tls_functions_n && n < NAMES_MAX; i++) {
		const struct tls_function *f = &tls_functions[i];

		if (!f->symbol || !f->entry || f->kind == TLS_GO)
			continue;
		if (!filter || !fnmatch(filter, tls_libraries[f->kind].name, FNM_CASEFOLD))
			names[n++] = f->symbol;
	}
	return n;
}

static int print_rows(const char *file, const struct image *img, const char *const *names, size_t n)
{
	struct image_function found[NAMES_MAX];
	int err = image__find(img, names, n, found);

	if (!err) {
		log__error("%s: none of %zu functions found: is it stripped?", file, n);
		return -ENOENT;
	}
	printf("# %s\n", file);
	for (size_t i = 0; i < n && (err >= 0); i++) {
		if (found[i].source)
			err = signatures__print(stdout, img, names[i], &found[i]);
	}
	if (err >= 0 && fflush(stdout))
		err = -errno;
	if (err < 0)
		log__error("%s: cannot print its functions: %s", file, strerror(-err));
	return err < 0 ? err : 0;
}

static int print_image(const struct options *o, int fd)
{
	const char *names[NAMES_MAX];
	size_t n = wanted_names(o->libraries, names);
	char why[128] = "";
	struct image *img;
	int err, root;

	if (!n) {
		log__error("no library is named '%s'", o->libraries);
		return -ENOENT;
	}
	img = image__new(fd, why, sizeof(why));
	if (!img) {
		log__error("%s: %s", o->input, why);
		return -EINVAL;
	}
	if (!*image__build_id(img)) {
		log__error("%s: it has no build id to know its copies by", o->input);
		image__free(img);
		return -ENODATA;
	}
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	image__look_in(img, root, NULL);
	err = print_rows(o->input, img, names, n);
	image__free(img);
	if (root >= 0)
		close(root);
	return err;
}

int cmd_signatures(int argc, char **argv)
{
	struct options o;
	int err, fd, rc = command__options(&o, argc, argv);

	if (rc >= 0)
		return rc;
	fd = open(o.input, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		err = print_image(&o, fd);
		close(fd);
	} else {
		err = -errno;
		log__error("%s: %s", o.input, strerror(errno));
	}
	options__free(&o);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
