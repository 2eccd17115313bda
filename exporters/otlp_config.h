/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where one signal goes and how, worked out from all the options that have a say: those
 * of the signal, those of all signals, and the defaults. As the OpenTelemetry
 * specification has it (Protocol Exporter, v1.60).
 */
#ifndef RED_OTLP_CONFIG_H
#define RED_OTLP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "otlp_encoding.h"

struct options;

enum otlp_signal {
	OTLP_TRACES = 0,
	OTLP_METRICS = 1,
	OTLP_LOGS = 2,
	OTLP_SIGNAL__CNT = 3,
};

enum otlp_protocol {
	OTLP_HTTP_PROTOBUF = 0,
	OTLP_GRPC = 1,
	OTLP_HTTP_JSON = 2,
	OTLP_ZIPKIN = 3, /* a plain POST of JSON; no answer is read but the status */
};

/* Independent of the options it was made from. */
struct otlp_endpoint {
	enum otlp_protocol protocol;
	enum otlp_encoding encoding; /* that the protocol wants */
	char *url;                   /* whole, path included */
	char *shown;                 /* the same for the log: no user, password or query */
	size_t body_max;             /* of a request of metrics; spans' are cut by their queue */
	char **headers;              /* n_headers lines "name: value"; secrets, never logged */
	size_t n_headers;
	bool gzip;
	char *certificate, *client_key, *client_certificate; /* files, or NULL */
	uint64_t timeout_ns;                                 /* for one request */
};

/* 1: *out is filled; 0: this signal is not sent; -EINVAL: a sentence is in err; -ENOMEM.
 * Unless it returns 1, *out is left zeroed. */
int otlp_config__resolve(const struct options *o, enum otlp_signal signal,
			 struct otlp_endpoint *out, char *err, size_t err_size);
/* The same for --traces-exporter zipkin. */
int otlp_config__zipkin(const struct options *o, struct otlp_endpoint *out, char *err,
			size_t err_size);
/* Is this signal sent by OTLP? True also when the options are wrong: resolving says how. */
bool otlp_config__wants(const struct options *o, enum otlp_signal signal);
void otlp_endpoint__free(struct otlp_endpoint *e); /* accepts NULL and a zeroed one; zeroes */

/* ---- otlp_config_headers.c ---- */

/* "k=v,k2=v2", percent-encoded, into e->headers. 0, -ENOMEM, -EINVAL and a sentence. */
int otlp_headers__parse(const char *text, struct otlp_endpoint *e, char *err, size_t err_size);

#endif /* RED_OTLP_CONFIG_H */
