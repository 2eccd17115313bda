// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An HTTP server and client on blocking sockets that takes its TLS from any library with
 * OpenSSL's interface: OpenSSL 1.1 and 3, BoringSSL. It is loaded at run time, or linked in
 * (-DLINKED), and needs no header of it, so that one binary serves all.
 *
 *   tls LIBRARY server PORT [WORKERS]    prints "LISTEN <port>"; a thread for each connection,
 *                                        or so many processes that serve one after the other
 *   tls LIBRARY client PORT N [wait]     N requests on one connection; prints each status;
 *                                        "wait": prints "READY", and reads a line before
 *   tls LIBRARY lazy PORT N [wait]       the same by who lets its first write make the handshake,
 *                                        and asks for no bytes before it asks for some
 *
 * LIBRARY: a file, with libcrypto's before it behind a comma; linked in: any word.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FUNCTIONS(X)                                                                               \
	X(const void *, TLS_server_method, (void))                                                 \
	X(const void *, TLS_client_method, (void))                                                 \
	X(void *, SSL_CTX_new, (const void *method))                                               \
	X(int, SSL_CTX_use_certificate_chain_file, (void *ctx, const char *file))                  \
	X(int, SSL_CTX_use_PrivateKey_file, (void *ctx, const char *file, int type))               \
	X(void *, SSL_new, (void *ctx))                                                            \
	X(int, SSL_set_fd, (void *ssl, int fd))                                                    \
	X(int, SSL_accept, (void *ssl))                                                            \
	X(int, SSL_connect, (void *ssl))                                                           \
	X(void, SSL_set_connect_state, (void *ssl))                                                \
	X(int, SSL_read, (void *ssl, void *buf, int n))                                            \
	X(int, SSL_write, (void *ssl, const void *buf, int n))                                     \
	X(int, SSL_shutdown, (void *ssl))                                                          \
	X(void, SSL_free, (void *ssl))

#ifdef LINKED
#define DECLARE(type, name, args) extern type name args;
FUNCTIONS(DECLARE)
static void load(char *files)
{
}
#else
#define DECLARE(type, name, args) static type(*name) args;
FUNCTIONS(DECLARE)
static void *load_file(const char *file)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_GLOBAL);

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	return library;
}

static void load(char *files)
{
	void *library = NULL;

	for (char *file = strtok(files, ","); file; file = strtok(NULL, ","))
		library = load_file(file);
#define FIND(type, name, args)    name = dlsym(library, #name);
	FUNCTIONS(FIND)
}
#endif

static void *context;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void server_context(void)
{
	char file[4096];

	snprintf(file, sizeof(file), "%s/server.pem", getenv("TLS_CERTS"));
	context = SSL_CTX_new(TLS_server_method());
	if (SSL_CTX_use_certificate_chain_file(context, file) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, file, 1) != 1)
		fail(file);
}

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(atoi(port)),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int lazy;

static int read_some(void *ssl, void *buf, int n)
{
	if (lazy)
		SSL_read(ssl, buf, 0);
	return SSL_read(ssl, buf, n);
}

struct input {
	char data[8192]; /* of which `len` are there; 0 behind them */
	int len;
};

/* The length of the head at the beginning, which is there when this returns; 0: no more comes. */
static int read_head(void *ssl, struct input *in)
{
	char *end;

	while (!(end = strstr(in->data, "\r\n\r\n"))) {
		int n = read_some(ssl, in->data + in->len, (int)sizeof(in->data) - 1 - in->len);

		if (n <= 0)
			return 0;
		in->len += n;
		in->data[in->len] = 0;
	}
	return (int)(end + 4 - in->data);
}

static void take(struct input *in, int n)
{
	in->len -= n;
	memmove(in->data, in->data + n, in->len + 1);
}

static int write_all(void *ssl, const char *data, long len)
{
	for (long at = 0; at < len;) {
		int n = SSL_write(ssl, data + at, len - at);

		if (n <= 0)
			return 0;
		at += n;
	}
	return 1;
}

/* /hello, /users/N, /status/N, /big/N */
static int answer(void *ssl, const char *path)
{
	long number = strchr(path + 1, '/') ? atol(strchr(path + 1, '/') + 1) : 0;
	long len = strncmp(path, "/big/", 5) ? 6 : number;
	int status = strncmp(path, "/status/", 8) ? 200 : (int)number;
	char head[100], *body = malloc(len + 1);
	int n = sprintf(head, "HTTP/1.1 %d x\r\nContent-Length: %ld\r\n\r\n", status, len), ok;

	memset(body, 'x', len);
	ok = write_all(ssl, head, n) && write_all(ssl, body, len);
	free(body);
	return ok;
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg, head;
	struct input in = { .len = 0 };
	char path[1024];
	void *ssl = SSL_new(context);

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		while ((head = read_head(ssl, &in)) && sscanf(in.data, "%*s %1023s", path) == 1 &&
		       answer(ssl, path))
			take(&in, head);
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static void accept_all(int listener, int threads)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pthread_t thread;

		if (fd < 0)
			continue;
		if (!threads)
			serve((void *)(intptr_t)fd);
		else if (!pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd))
			pthread_detach(thread);
	}
}

static void server(const char *port, int workers)
{
	struct sockaddr_in address = loopback(port);
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	server_context();
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(listener, (void *)&address, len) || listen(listener, 1024))
		fail("bind");
	getsockname(listener, (void *)&address, &len);
	for (int i = 0; i < workers; i++)
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			accept_all(listener, 0);
		}
	printf("LISTEN %d\n", ntohs(address.sin_port));
	fflush(stdout);
	if (!workers)
		accept_all(listener, 1);
	for (;;)
		pause();
}

/* The server's six bytes of body may come by another read than the head. */
static void exchange(void *ssl, struct input *in, const char *port)
{
	char request[100];
	int head, len = snprintf(request, sizeof(request),
				 "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n\r\n", port);

	if (!write_all(ssl, request, len) || !(head = read_head(ssl, in)))
		fail("request");
	while (in->len < head + 6) {
		int n = read_some(ssl, in->data + in->len, head + 6 - in->len);

		if (n <= 0)
			fail("body");
		in->len += n;
	}
	printf("%.3s\n", in->data + strlen("HTTP/1.1 "));
	take(in, head + 6);
}

static void client(const char *port, int n)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct input in = { .len = 0 };
	void *ssl;

	context = SSL_CTX_new(TLS_client_method());
	ssl = SSL_new(context);
	if (connect(fd, (void *)&address, sizeof(address)))
		fail("connect");
	SSL_set_fd(ssl, fd);
	if (lazy)
		SSL_set_connect_state(ssl);
	else if (SSL_connect(ssl) != 1)
		fail("SSL_connect");
	while (n-- > 0)
		exchange(ssl, &in, port);
	SSL_shutdown(ssl);
	close(fd);
}

static int wait_line(void)
{
	puts("READY");
	fflush(stdout);
	return getchar() != EOF;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	load(argv[1]);
	lazy = !strcmp(argv[2], "lazy");
	if (!strcmp(argv[2], "server"))
		server(argv[3], argc > 4 ? atoi(argv[4]) : 0);
	else if (argc < 6 || wait_line())
		client(argv[3], argc > 4 ? atoi(argv[4]) : 1);
	return 0;
}
