// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "httpd_routes.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api.h"

#define DEFAULT_CONNECTIONS 32
#define DEFAULT_TIMEOUT_S   10
#define DEFAULT_STALL_S     5
#define DEFAULT_MAX_BYTES   ((size_t)64 << 20)
#define CONNECTION_MEMORY   ((size_t)16 << 10) /* request line and headers */
#define PEM_MAX             ((size_t)1 << 20)
/* GnuTLS still allows TLS 1.0 and 1.1 by default. */
#define TLS_PRIORITIES "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"

/* ---- connections ---- */

static void on_connection(void *arg, struct MHD_Connection *c, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct httpd_door *d = arg;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED)
		httpd_conns__close(d->conns, *context);
	else
		*context = httpd_conns__started(
			d->conns,
			MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **exchange)
{
	struct httpd_door *d = arg;
	enum MHD_Result result;

	httpd_conns__turn(d->conns, httpd__conn(c), true);
	result = httpd_routes__request(d, c, url, method, upload, upload_size, exchange);
	httpd_conns__turn(d->conns, httpd__conn(c), false);
	return result;
}

static void on_completed(void *arg, struct MHD_Connection *c, void **exchange,
			 enum MHD_RequestTerminationCode why)
{
	struct httpd_door *d = arg;

	httpd_routes__done(*exchange);
	*exchange = NULL;
	httpd_conns__request_done(d->conns, httpd__conn(c));
}

static void on_accepted(void *arg, int fd, const struct sockaddr *from, socklen_t len)
{
	struct httpd_door *d = arg;

	/* Closes fd when it fails. */
	MHD_add_connection(d->daemon, fd, from, len);
}

/* Later messages are about clients that broke off, which is no news. */
static void on_log(void *arg, const char *fmt, va_list ap)
{
	struct httpd *h = arg;

	if (!atomic_load(&h->starting))
		return;
	vsnprintf(h->start_error, sizeof(h->start_error), fmt, ap);
	h->start_error[strcspn(h->start_error, "\n")] = '\0';
}

/* ---- life ---- */

static bool is_set(const char *s)
{
	return s && *s;
}

/* Both PEM files, or neither. */
static int load_tls(const struct httpd_config *c, char **cert, char **key, char *err,
		    size_t err_size)
{
	size_t len;
	int e;

	if (is_set(c->tls_cert) != is_set(c->tls_key)) {
		snprintf(err, err_size, "TLS needs both a certificate and a key");
		return -EINVAL;
	}
	if (!is_set(c->tls_cert))
		return 0;
	*cert = httpd__read_file(c->tls_cert, PEM_MAX, &len);
	if (!*cert) {
		e = errno;
		snprintf(err, err_size, "cannot read TLS certificate %s: %s", c->tls_cert,
			 strerror(e));
		return -e;
	}
	*key = httpd__read_file(c->tls_key, PEM_MAX, &len);
	if (!*key) {
		e = errno;
		snprintf(err, err_size, "cannot read TLS key %s: %s", c->tls_key, strerror(e));
		return -e;
	}
	return 0;
}

static int start_daemon(struct httpd_door *d, char *cert, char *key)
{
	struct httpd *h = d->h;
	struct MHD_OptionItem options[] = {
		{ MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, h },
		/* conns keeps the limit; the daemon counts a connection a little longer. */
		{ MHD_OPTION_CONNECTION_LIMIT, 2 * h->config.max_connections, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, h->config.timeout_s, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, d },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, d },
		/* without TLS the list ends here */
		{ cert ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, cert },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, TLS_PRIORITIES },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
			     MHD_USE_POLL | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET |
			     MHD_USE_ERROR_LOG | (cert ? MHD_USE_TLS : 0);

	atomic_store(&h->starting, true);
	d->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, d, MHD_OPTION_ARRAY, options,
				     MHD_OPTION_END);
	atomic_store(&h->starting, false);
	return d->daemon ? 0 : -EINVAL;
}

/* Signals are the event loop's: the server's threads must not be where they arrive. */
static int start_threads(struct httpd_door *d, char *cert, char *key)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = start_daemon(d, cert, key);
	if (!err)
		err = httpd_conns__start(d->conns, on_accepted, d);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

/* Takes fd over. 0 or -errno, and a sentence; `where` is for that. cert may be NULL. */
static int open_door(struct httpd_door *d, int fd, char *cert, char *key, const char *where,
		     char *err, size_t err_size)
{
	const struct httpd_config *c = &d->h->config;
	struct httpd_conns_config conns = {
		.max = c->max_connections,
		.deadline_s = 2 * c->timeout_s,
		.stall_s = c->stall_s,
	};
	int e;

	d->conns = httpd_conns__new(fd, &conns);
	if (!d->conns) {
		e = -errno;
		snprintf(err, err_size, "cannot listen on %s: %s", where, strerror(-e));
		close(fd);
		return e;
	}
	e = start_threads(d, cert, key);
	if (e)
		snprintf(err, err_size, "cannot serve HTTP on %s: %s", where,
			 *d->h->start_error ? d->h->start_error : strerror(-e));
	return e;
}

static void close_door(struct httpd_door *d)
{
	httpd_conns__stop(d->conns);
	if (d->daemon)
		MHD_stop_daemon(d->daemon);
	httpd_conns__free(d->conns);
	d->daemon = NULL;
	d->conns = NULL;
}

static void apply_defaults(struct httpd_config *c)
{
	c->max_connections = c->max_connections ? c->max_connections : DEFAULT_CONNECTIONS;
	c->timeout_s = c->timeout_s ? c->timeout_s : DEFAULT_TIMEOUT_S;
	c->stall_s = c->stall_s ? c->stall_s : DEFAULT_STALL_S;
	c->max_bytes = c->max_bytes ? c->max_bytes : DEFAULT_MAX_BYTES;
	c->max_answer = c->max_answer ? c->max_answer : DEFAULT_MAX_BYTES;
}

static bool is_on_loopback(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	return !getsockname(fd, (struct sockaddr *)&at, &len) &&
	       httpd_admin__is_loopback((struct sockaddr *)&at);
}

static int listen_on_tcp(struct httpd *h, char *err, size_t err_size)
{
	const struct httpd_config *c = &h->config;
	char *cert = NULL, *key = NULL;
	int e, fd;

	e = load_tls(c, &cert, &key, err, err_size);
	if (e)
		goto out;
	fd = httpd_listen(c->listen, &h->port, err, err_size);
	h->on_loopback = fd >= 0 && is_on_loopback(fd);
	e = fd < 0 ? fd : open_door(&h->tcp, fd, cert, key, c->listen, err, err_size);
out:
	if (key)
		explicit_bzero(key, strlen(key));
	free(cert);
	free(key);
	return e;
}

static int start(struct httpd *h, char *err, size_t err_size)
{
	const struct httpd_config *c = &h->config;

	if (is_set(c->token_file)) {
		h->auth = httpd_auth__new(c->token_file, err, err_size);
		if (!h->auth)
			return -errno;
	}
	return c->listen ? listen_on_tcp(h, err, err_size) : 0;
}

struct httpd *httpd__new(const struct httpd_config *c, char *err, size_t err_size)
{
	struct httpd *h = calloc(1, sizeof(*h));
	int e;

	if (!h) {
		snprintf(err, err_size, "cannot serve HTTP: %s", strerror(ENOMEM));
		errno = ENOMEM;
		return NULL;
	}
	h->config = *c;
	apply_defaults(&h->config);
	h->scrape.config = &h->config;
	h->tcp.h = h->local.h = h;
	h->local.local = true;
	h->tcp.metrics.max = h->local.metrics.max = h->config.max_bytes;
	h->tcp.api.max = h->local.api.max = h->config.max_bytes;
	pthread_mutex_init(&h->scrape.lock, NULL);
	pthread_mutex_init(&h->api_lock, NULL);
	e = start(h, err, err_size);
	if (e) {
		httpd__free(h);
		errno = -e;
		return NULL;
	}
	return h;
}

int httpd__add_socket(struct httpd *h, const char *path, char *err, size_t err_size)
{
	int fd, e;

	h->socket = httpd_unix__new(path, &fd, err, err_size);
	if (!h->socket)
		return -errno;
	e = open_door(&h->local, fd, NULL, NULL, path, err, err_size);
	if (!e)
		return 0;
	close_door(&h->local);
	httpd_unix__free(h->socket);
	h->socket = NULL;
	return e;
}

uint16_t httpd__port(const struct httpd *h)
{
	return h->port;
}

void httpd__stats(const struct httpd *h, struct httpd_stats *out)
{
	for (int f = 0; f < PROM_FORMATS; f++)
		out->scrapes[f] = atomic_load(&h->scrapes[f]);
	out->bytes = atomic_load(&h->bytes);
	out->refused = atomic_load(&h->refused);
	out->errors = atomic_load(&h->errors);
	out->cut_off = httpd_conns__cut_off(h->tcp.conns) + httpd_conns__cut_off(h->local.conns);
}

void httpd__free(struct httpd *h)
{
	if (!h)
		return;
	atomic_store(&h->scrape.stopping, true);
	api__shutdown(h->config.api);
	/* While it still answers: who finds it at the path finds it living. */
	httpd_unix__free(h->socket);
	close_door(&h->local);
	close_door(&h->tcp);
	httpd_auth__free(h->auth);
	pthread_mutex_destroy(&h->api_lock);
	pthread_mutex_destroy(&h->scrape.lock);
	free(h);
}
