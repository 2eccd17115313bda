// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "otlp_client_headers.h"

#include <stdbool.h>
#include <stdio.h>

struct header_list {
	const struct curl_api *curl;
	struct curl_slist *first;
	bool failed;
};

static void add_header(struct header_list *l, const char *line)
{
	struct curl_slist *first = l->failed ? NULL : l->curl->slist_append(l->first, line);

	l->failed = !first;
	l->first = first ? first : l->first;
}

static void add_grpc_headers(struct header_list *l, const struct otlp_endpoint *e)
{
	char timeout[40];

	snprintf(timeout, sizeof(timeout), "grpc-timeout: %um",
		 (unsigned int)(e->timeout_ns / 1000000 ? e->timeout_ns / 1000000 : 1));
	add_header(l, "Content-Type: application/grpc");
	add_header(l, "TE: trailers");
	add_header(l, timeout);
	if (e->gzip)
		add_header(l, "grpc-encoding: gzip");
}

static void add_http_headers(struct header_list *l, const struct otlp_endpoint *e,
			     enum otlp_encoding encoding)
{
	add_header(l, encoding == OTLP_PROTOBUF ? "Content-Type: application/x-protobuf"
						: "Content-Type: application/json");
	if (e->gzip)
		add_header(l, "Content-Encoding: gzip");
}

struct curl_slist *otlp_headers__make(const struct curl_api *curl, const struct otlp_endpoint *e,
				      enum otlp_encoding encoding)
{
	struct header_list l = { .curl = curl };

	add_header(&l, "Expect:"); /* no 100-continue: one more round trip for each large body */
	if (e->protocol == OTLP_GRPC)
		add_grpc_headers(&l, e);
	else
		add_http_headers(&l, e, encoding);
	for (size_t i = 0; i < e->n_headers; i++)
		add_header(&l, e->headers[i]);
	if (!l.failed)
		return l.first;
	if (l.first)
		curl->slist_free_all(l.first);
	return NULL;
}
