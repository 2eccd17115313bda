// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "httpd_routes.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_CONNECTIONS 32
#define DEFAULT_TIMEOUT_S   10
#define DEFAULT_MAX_BYTES   ((size_t)64 << 20)
#define CONNECTION_MEMORY   ((size_t)16 << 10) /* request line and headers */
#define PEM_MAX             ((size_t)1 << 20)
/* GnuTLS still allows TLS 1.0 and 1.1 by default. */
#define TLS_PRIORITIES "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"

/* ---- connections ---- */

static void on_connection(void *arg, struct MHD_Connection *c, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct httpd *h = arg;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED)
		httpd_conns__close(h->conns, *context);
	else
		*context = httpd_conns__started(
			h->conns,
			MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
}

static struct httpd_conn *conn_of(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **exchange)
{
	struct httpd *h = arg;
	enum MHD_Result result;

	httpd_conns__turn(h->conns, conn_of(c), true);
	result = httpd_routes__request(h, c, url, method, version, upload, upload_size, exchange);
	httpd_conns__turn(h->conns, conn_of(c), false);
	return result;
}

static void on_completed(void *arg, struct MHD_Connection *c, void **exchange,
			 enum MHD_RequestTerminationCode why)
{
	struct httpd *h = arg;

	httpd_routes__done(*exchange);
	*exchange = NULL;
	httpd_conns__request_done(h->conns, conn_of(c));
}

static void on_accepted(void *arg, int fd, const struct sockaddr *from, socklen_t len)
{
	struct httpd *h = arg;

	/* Closes fd when it fails. */
	MHD_add_connection(h->daemon, fd, from, len);
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

static int start_daemon(struct httpd *h, char *cert, char *key)
{
	struct MHD_OptionItem options[] = {
		{ MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, h },
		/* conns keeps the limit; the daemon counts a connection a little longer. */
		{ MHD_OPTION_CONNECTION_LIMIT, 2 * h->config.max_connections, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, h->config.timeout_s, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, h },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, h },
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
	h->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_ARRAY, options,
				     MHD_OPTION_END);
	atomic_store(&h->starting, false);
	return h->daemon ? 0 : -EINVAL;
}

/* Signals are the event loop's: the server's threads must not be where they arrive. */
static int start_threads(struct httpd *h, char *cert, char *key)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = start_daemon(h, cert, key);
	if (!err)
		err = httpd_conns__start(h->conns, on_accepted, h);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

static int start_listening(struct httpd *h, char *err, size_t err_size)
{
	const struct httpd_config *c = &h->config;
	int fd = httpd_listen(c->listen, &h->port, err, err_size), e;

	if (fd < 0)
		return fd;
	h->conns = httpd_conns__new(fd, c->max_connections, 2 * c->timeout_s);
	if (h->conns)
		return 0;
	e = -errno;
	snprintf(err, err_size, "cannot listen on %s: %s", c->listen, strerror(-e));
	close(fd);
	return e;
}

static void apply_defaults(struct httpd_config *c)
{
	c->max_connections = c->max_connections ? c->max_connections : DEFAULT_CONNECTIONS;
	c->timeout_s = c->timeout_s ? c->timeout_s : DEFAULT_TIMEOUT_S;
	c->max_bytes = c->max_bytes ? c->max_bytes : DEFAULT_MAX_BYTES;
}

static int start(struct httpd *h, char *err, size_t err_size)
{
	const struct httpd_config *c = &h->config;
	char *cert = NULL, *key = NULL;
	int e;

	e = load_tls(c, &cert, &key, err, err_size);
	if (e)
		goto out;
	if (is_set(c->token_file)) {
		h->auth = httpd_auth__new(c->token_file, err, err_size);
		e = h->auth ? 0 : -errno;
		if (e)
			goto out;
	}
	e = start_listening(h, err, err_size);
	if (e)
		goto out;
	e = start_threads(h, cert, key);
	if (e)
		snprintf(err, err_size, "cannot serve HTTP on %s: %s", c->listen,
			 *h->start_error ? h->start_error : strerror(-e));
out:
	if (key)
		explicit_bzero(key, strlen(key));
	free(cert);
	free(key);
	return e;
}

struct httpd *httpd__new(const struct httpd_config *c, char *err, size_t err_size)
{
	struct httpd *h = calloc(1, sizeof(*h));
	int e;

	if (!h) {
		snprintf(err, err_size, "cannot serve HTTP on %s: %s", c->listen, strerror(ENOMEM));
		errno = ENOMEM;
		return NULL;
	}
	h->config = *c;
	apply_defaults(&h->config);
	h->scrape.config = &h->config;
	pthread_mutex_init(&h->scrape.lock, NULL);
	e = start(h, err, err_size);
	if (e) {
		httpd__free(h);
		errno = -e;
		return NULL;
	}
	return h;
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
	out->cut_off = httpd_conns__cut_off(h->conns);
}

void httpd__free(struct httpd *h)
{
	if (!h)
		return;
	atomic_store(&h->scrape.stopping, true);
	httpd_conns__stop(h->conns);
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	httpd_conns__free(h->conns);
	httpd_auth__free(h->auth);
	pthread_mutex_destroy(&h->scrape.lock);
	free(h);
}
