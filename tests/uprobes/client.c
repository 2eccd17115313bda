// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A process with TLS, on command: client LIBRARY. Of each byte on standard input it does
 * what it says, and writes the byte to standard output.
 *
 *	d  loads the library	w  calls SSL_write, which wants its peer's answer first
 *	r  returns from main	x  executes itself	p  the same, with the library preloaded
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *library;
static void *ssl;
static int (*ssl_write)(void *, const void *, int);

static void *function(const char *name)
{
	void *f = dlsym(library, name);

	if (!f) {
		fprintf(stderr, "client: %s\n", dlerror());
		exit(1);
	}
	return f;
}

/* A connection to nobody: all it wants to say goes to memory. */
static void load(const char *path)
{
	void *(*ctx_new)(const void *), *(*ssl_new)(void *), *(*bio_new)(const void *);
	const void *(*method)(void), *(*mem)(void);
	void (*set_bio)(void *, void *, void *), (*set_connect)(void *);

	library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
	method = (const void *(*)(void))function("TLS_client_method");
	ctx_new = (void *(*)(const void *))function("SSL_CTX_new");
	ssl_new = (void *(*)(void *))function("SSL_new");
	set_bio = (void (*)(void *, void *, void *))function("SSL_set_bio");
	set_connect = (void (*)(void *))function("SSL_set_connect_state");
	mem = (const void *(*)(void))function("BIO_s_mem");
	bio_new = (void *(*)(const void *))function("BIO_new");
	ssl_write = (int (*)(void *, const void *, int))function("SSL_write");
	ssl = ssl_new(ctx_new(method()));
	set_bio(ssl, bio_new(mem()), bio_new(mem()));
	set_connect(ssl);
}

int main(int argc, char **argv)
{
	char c;

	while (read(0, &c, 1) == 1 && c != 'r') {
		if (c == 'd')
			load(argv[1]);
		else if (c == 'w')
			ssl_write(ssl, "x", 1);
		else if (c == 'p')
			setenv("LD_PRELOAD", argv[1], 1);
		if (c == 'x' || c == 'p')
			execv("/proc/self/exe", argv);
		if (write(1, &c, 1) != 1)
			return 1;
	}
	return 0;
}
