// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Resolution, field by field: the signal's own value, else the general one, else the
 * default. Two things are not that simple.
 *
 * The path. A general endpoint is a base: /v1/<signal> is appended to its path. A
 * signal's own endpoint is used as it stands. gRPC has no path but the service's.
 *
 * The scheme. Only grpc may go without: then `insecure` says whether TLS is spoken, which
 * it is by default. Where there is a scheme, the scheme decides.
 */
#include "otlp_config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "url.h"

#define SEC 1000000000ull
#define MIB ((size_t)1 << 20)

/* What receivers take as they come, less a little: gRPC's own limit of a message is 4 MiB, the
 * OpenTelemetry Collector's of a body over HTTP is 20 MiB. What is larger is refused for good. */
#define GRPC_BODY_MAX (4 * MIB - 64 * 1024)
#define HTTP_BODY_MAX (16 * MIB)

static const struct {
	const char *name, *path, *service;
} signals[OTLP_SIGNAL__CNT] = {
	[OTLP_TRACES] = { "traces", "v1/traces", "trace.v1.Trace" },
	[OTLP_METRICS] = { "metrics", "v1/metrics", "metrics.v1.Metrics" },
	[OTLP_LOGS] = { "logs", "v1/logs", "logs.v1.Logs" },
};

static const struct {
	const char *name, *default_endpoint;
	enum otlp_encoding encoding;
	size_t body_max;
} protocols[] = {
	[OTLP_HTTP_PROTOBUF] = { "http/protobuf", "http://localhost:4318", OTLP_PROTOBUF,
				 HTTP_BODY_MAX },
	[OTLP_GRPC] = { "grpc", "http://localhost:4317", OTLP_PROTOBUF, GRPC_BODY_MAX },
	[OTLP_HTTP_JSON] = { "http/json", "http://localhost:4318", OTLP_JSON, HTTP_BODY_MAX },
	[OTLP_ZIPKIN] = { "zipkin", NULL, OTLP_ZIPKIN_JSON, 0 },
};

/* What a resolution is made from, and where it complains. */
struct resolve {
	enum otlp_signal signal;
	const struct otlp_options *own, *general;
	struct otlp_endpoint *out;
	char *err;
	size_t err_size;
};

__attribute__((format(printf, 2, 3))) static int fail(const struct resolve *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->err, r->err_size, fmt, args);
	va_end(args);
	return -EINVAL;
}

#define PICK(r, member) ((r)->own->member ? (r)->own->member : (r)->general->member)

static const struct otlp_options *own_options(const struct options *o, enum otlp_signal signal)
{
	const struct otlp_options *const own[] = { &o->otlp_traces, &o->otlp_metrics,
						   &o->otlp_logs };

	return own[signal];
}

static bool wanted(const struct options *o, enum otlp_signal signal, bool has_endpoint)
{
	switch (signal) {
	case OTLP_TRACES:
		return o->traces_exporter == TRACES_OTLP ||
		       (o->traces_exporter == TRACES_AUTO && has_endpoint);
	case OTLP_METRICS:
		return o->metrics_exporter == SIGNAL_OTLP ||
		       (o->metrics_exporter == SIGNAL_AUTO && has_endpoint);
	default:
		return o->logs_exporter == SIGNAL_OTLP;
	}
}

static enum otlp_protocol protocol_of(const char *name)
{
	for (int i = OTLP_HTTP_PROTOBUF; name && i < OTLP_ZIPKIN; i++) {
		if (!strcmp(name, protocols[i].name))
			return i;
	}
	return OTLP_HTTP_PROTOBUF;
}

/* Scheme and authority: all before the path. */
static size_t origin_len(const char *url)
{
	size_t scheme = url__scheme_len(url);

	return scheme + strcspn(url + scheme, "/?#");
}

/* fmt has one %s, the URL. */
__attribute__((format(printf, 2, 0))) static int fail_url(const struct resolve *r, const char *fmt,
							  const char *url)
{
	char *shown = url__without_secrets(url);

	snprintf(r->err, r->err_size, fmt, shown ? shown : "...");
	free(shown);
	return -EINVAL;
}

/* A host that is there, and nothing that would end the request's first line. */
static int check_url(const struct resolve *r, const char *url)
{
	size_t origin = origin_len(url), scheme = strcspn(url, ":") + 3;

	if (strncmp(url, "http://", 7) && strncmp(url, "https://", 8))
		return fail_url(r,
				"the endpoint %s does not begin with http:// or https://, "
				"which only grpc may leave out",
				url);
	if (origin <= scheme || url[origin - 1] == '@')
		return fail_url(r, "the endpoint %s has no host", url);
	for (const char *s = url; *s; s++) {
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return fail(r, "the endpoint of %s holds a space or a control character",
				    signals[r->signal].name);
	}
	return 0;
}

static int put_url(const struct resolve *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int put_url(const struct resolve *r, const char *fmt, ...)
{
	va_list args;
	int n, err;

	va_start(args, fmt);
	n = vasprintf(&r->out->url, fmt, args);
	va_end(args);
	if (n < 0) {
		r->out->url = NULL;
		return -ENOMEM;
	}
	err = check_url(r, r->out->url);
	if (err)
		return err;
	r->out->shown = url__without_secrets(r->out->url);
	return r->out->shown ? 0 : -ENOMEM;
}

static int resolve_grpc_url(const struct resolve *r, const char *endpoint)
{
	const char *insecure = PICK(r, insecure), *scheme = "";
	size_t origin = origin_len(endpoint);

	if (!url__scheme_len(endpoint))
		scheme = insecure && !strcmp(insecure, "true") ? "http://" : "https://";
	if (endpoint[origin] && strcmp(endpoint + origin, "/"))
		return fail_url(r, "grpc wants an endpoint without a path or query, not %s",
				endpoint);
	return put_url(r, "%s%.*s/opentelemetry.proto.collector.%sService/Export", scheme,
		       (int)origin, endpoint, signals[r->signal].service);
}

static int resolve_base_url(const struct resolve *r, const char *endpoint)
{
	size_t len = strlen(endpoint);
	int err = check_url(r, endpoint); /* before a path can pass for a host */

	if (err)
		return err;
	if (strpbrk(endpoint, "?#"))
		return fail(r,
			    "the endpoint of all signals is a base that v1/%s is appended to: "
			    "it cannot have a query or a fragment",
			    signals[r->signal].name);
	return put_url(r, "%s%s%s", endpoint, len && endpoint[len - 1] == '/' ? "" : "/",
		       signals[r->signal].path);
}

static int resolve_url(const struct resolve *r)
{
	const char *endpoint = PICK(r, endpoint);

	if (!endpoint)
		endpoint = protocols[r->out->protocol].default_endpoint;
	if (r->out->protocol == OTLP_GRPC)
		return resolve_grpc_url(r, endpoint);
	if (!r->own->endpoint)
		return resolve_base_url(r, endpoint);
	return put_url(r, "%s%s", endpoint, endpoint[origin_len(endpoint)] ? "" : "/");
}

static int take_file(const struct resolve *r, const char *path, char **to)
{
	if (!path)
		return 0;
	if (access(path, R_OK))
		return fail(r, "cannot read %s, which TLS to the collector of %s needs: %s", path,
			    signals[r->signal].name, strerror(errno));
	*to = strdup(path);
	return *to ? 0 : -ENOMEM;
}

/* Key and certificate belong together: a signal's own do not mix with the general ones. */
static int resolve_tls(const struct resolve *r)
{
	bool own = r->own->client_key || r->own->client_certificate;
	const struct otlp_options *pair = own ? r->own : r->general;
	int err;

	if (strncmp(r->out->url, "https:", 6))
		return 0;
	if (!pair->client_key != !pair->client_certificate)
		return fail(r, "a client %s needs the %s as well (%s)",
			    pair->client_key ? "key" : "certificate",
			    pair->client_key ? "certificate" : "key", signals[r->signal].name);
	err = take_file(r, PICK(r, certificate), &r->out->certificate);
	err = err ? err : take_file(r, pair->client_key, &r->out->client_key);
	return err ? err : take_file(r, pair->client_certificate, &r->out->client_certificate);
}

static uint64_t resolve_timeout(const struct options *o, const struct resolve *r)
{
	const uint64_t whole[] = { o->span_timeout_ns, o->metric_timeout_ns, o->log_timeout_ns };
	uint64_t one = PICK(r, timeout_ns);

	one = one ? one : 10 * SEC;
	return whole[r->signal] && whole[r->signal] < one ? whole[r->signal] : one;
}

static int resolve(const struct options *o, const struct resolve *r)
{
	const char *compression = PICK(r, compression), *headers = PICK(r, headers);
	int err;

	r->out->protocol = protocol_of(PICK(r, protocol));
	r->out->encoding = protocols[r->out->protocol].encoding;
	r->out->body_max = protocols[r->out->protocol].body_max;
	r->out->gzip = compression && !strcmp(compression, "gzip");
	r->out->timeout_ns = resolve_timeout(o, r);
	err = resolve_url(r);
	err = err ? err : resolve_tls(r);
	return err ? err : otlp_headers__parse(headers, r->out, r->err, r->err_size);
}

int otlp_config__resolve(const struct options *o, enum otlp_signal signal,
			 struct otlp_endpoint *out, char *err, size_t err_size)
{
	struct resolve r = { .signal = signal, .out = out, .err = err, .err_size = err_size };
	int rc;

	*out = (struct otlp_endpoint){ 0 };
	r.own = own_options(o, signal);
	r.general = &o->otlp;
	if (!wanted(o, signal, r.own->endpoint || r.general->endpoint))
		return 0;
	rc = resolve(o, &r);
	if (rc)
		otlp_endpoint__free(out);
	return rc ? rc : 1;
}

bool otlp_config__wants(const struct options *o, enum otlp_signal signal)
{
	struct otlp_endpoint e;
	char err[256];
	int rc = otlp_config__resolve(o, signal, &e, err, sizeof(err));

	otlp_endpoint__free(&e);
	return rc != 0;
}

int otlp_config__zipkin(const struct options *o, struct otlp_endpoint *out, char *err,
			size_t err_size)
{
	struct resolve r = { .signal = OTLP_TRACES, .out = out, .err = err, .err_size = err_size };
	int rc;

	*out = (struct otlp_endpoint){ .protocol = OTLP_ZIPKIN, .encoding = OTLP_ZIPKIN_JSON };
	out->timeout_ns = 10 * SEC;
	rc = o->traces_exporter == TRACES_ZIPKIN ? put_url(&r, "%s", o->zipkin_endpoint) : 1;
	if (rc)
		otlp_endpoint__free(out);
	return rc < 0 ? rc : !rc;
}

void otlp_endpoint__free(struct otlp_endpoint *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_headers; i++)
		free(e->headers[i]);
	free(e->headers);
	free(e->url);
	free(e->shown);
	free(e->certificate);
	free(e->client_key);
	free(e->client_certificate);
	*e = (struct otlp_endpoint){ 0 };
}
