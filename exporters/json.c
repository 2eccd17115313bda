// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "service.h"
#include "utf8.h"

#define STRING_MAX 8192

/* A terminated copy with every byte that is no UTF-8, or NUL, as U+FFFD. */
static char *clean(struct slice s)
{
	char *out = malloc(s.len * 3 + 1), *o = out;
	uint32_t cp;
	size_t n;

	if (!out)
		return NULL;
	while (s.len) {
		n = utf8_next(s.p, s.len, &cp);
		if (n && cp) {
			memcpy(o, s.p, n);
			o += n;
		} else {
			memcpy(o, "\xef\xbf\xbd", 3);
			o += 3;
			n = 1;
		}
		s.p += n;
		s.len -= n;
	}
	*o = 0;
	return out;
}

static void add_slice(cJSON *j, const char *key, struct slice s)
{
	char *text;

	if (s.len > STRING_MAX)
		s.len = STRING_MAX;
	text = clean(s);
	if (text)
		cJSON_AddStringToObject(j, key, text);
	free(text);
}

static void add_time(cJSON *j, const char *key, int64_t unix_ns)
{
	int64_t ns = (unix_ns % 1000000000 + 1000000000) % 1000000000;
	time_t s = unix_ns / 1000000000 - (unix_ns % 1000000000 < 0); /* rounded down */
	char text[64];
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(text, sizeof(text), "%FT%T", &tm);
	snprintf(text + n, sizeof(text) - n, ".%09lldZ", (long long)ns);
	cJSON_AddStringToObject(j, key, text);
}

static void add_address(cJSON *j, const char *address, const char *port, const uint8_t a[16],
			uint16_t p)
{
	static const uint8_t v4mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];
	bool v4 = !memcmp(a, v4mapped, sizeof(v4mapped));

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a + 12 : a, text, sizeof(text));
	cJSON_AddStringToObject(j, address, text);
	cJSON_AddNumberToObject(j, port, p);
}

static void add_network(cJSON *j, const struct span *s)
{
	if (s->family == AF_UNIX) {
		cJSON_AddStringToObject(j, "network.transport", "unix");
		return;
	}
	cJSON_AddStringToObject(j, "network.transport", "tcp");
	add_address(j, "network.peer.address", "network.peer.port", s->peer_addr, s->peer_port);
	add_address(j, "network.local.address", "network.local.port", s->local_addr, s->local_port);
}

static void add_http(cJSON *j, const struct span *s)
{
	cJSON_AddStringToObject(j, "http.request.method", s->method);
	if (!strcmp(s->method, "_OTHER"))
		add_slice(j, "http.request.method_original", s->method_original);
	add_slice(j, "url.path", s->path);
	if (s->query.len)
		add_slice(j, "url.query", s->query);
	cJSON_AddStringToObject(j, "url.scheme", s->scheme);
	if (s->host.len)
		add_slice(j, "server.address", s->host);
	if (s->host_port)
		cJSON_AddNumberToObject(j, "server.port", s->host_port);
	cJSON_AddStringToObject(j, "network.protocol.version", s->protocol_version);
	if (s->status)
		cJSON_AddNumberToObject(j, "http.response.status_code", s->status);
	if (s->error_type)
		cJSON_AddStringToObject(j, "error.type", s->error_type);
	cJSON_AddNumberToObject(j, "http.request.body.size", s->request_body_bytes);
	cJSON_AddNumberToObject(j, "http.response.body.size", s->response_body_bytes);
}

int json__span(FILE *to, const struct span *s, int64_t unix_minus_mono_ns)
{
	cJSON *j = cJSON_CreateObject();
	char *text = NULL;
	int err = -ENOMEM;

	if (!j)
		goto out;
	add_time(j, "start", s->start_ns + unix_minus_mono_ns);
	cJSON_AddNumberToObject(j, "duration_ms", (s->end_ns - s->start_ns) / 1e6);
	cJSON_AddStringToObject(j, "kind", s->kind == SPAN_CLIENT ? "client" : "server");
	add_slice(j, "service.name", slice_of(s->service->name));
	cJSON_AddNumberToObject(j, "process.pid", s->tgid);
	add_http(j, s);
	add_network(j, s);
	if (s->flags & SPAN_HEAD_CUT)
		cJSON_AddTrueToObject(j, "redeye.head_cut");
	if (s->flags & SPAN_LENGTH_INFERRED)
		cJSON_AddTrueToObject(j, "redeye.length_inferred");
	text = cJSON_PrintUnformatted(j);
	if (!text)
		goto out;
	err = fprintf(to, "%s\n", text) < 0 ? -EIO : 0;
out:
	cJSON_free(text);
	cJSON_Delete(j);
	return err;
}
