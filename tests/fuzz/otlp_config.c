// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines: an endpoint, headers; the first byte says how they are meant. What comes out ends no
 * line of HTTP, and what is shown has no password and no query in it. */
#undef NDEBUG
#include <assert.h>

#include "../../exporters/otlp_config.c"
#include "../../exporters/otlp_config_headers.c"

static bool one_line(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static void check(const struct otlp_endpoint *e)
{
	assert(one_line(e->url) && !strchr(e->url, ' ') && strstr(e->shown, "://"));
	assert(!strpbrk(e->shown, "@?#"));
	assert(strlen(e->shown) <= strlen(e->url) && e->n_headers <= HEADERS_MAX);
	for (size_t i = 0; i < e->n_headers; i++)
		assert(one_line(e->headers[i]) && strpbrk(e->headers[i], ":;"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char *const names[] = { "http/protobuf", "grpc", "http/json", NULL };
	char err[256] = "", *text = strndup((const char *)data + (len > 0), len - (len > 0));
	char *rest = text, *endpoint = strsep(&rest, "\n");
	struct options o = { .traces_exporter = TRACES_OTLP };
	struct otlp_options *to = len && *data & 4 ? &o.otlp_traces : &o.otlp;
	struct otlp_endpoint e;
	int rc;

	to->endpoint = endpoint;
	to->headers = rest;
	to->protocol = len ? names[*data & 3] : NULL;
	rc = otlp_config__resolve(&o, OTLP_TRACES, &e, err, sizeof(err));
	assert(rc == 1 || (rc == -EINVAL && *err));
	if (rc == 1)
		check(&e);
	otlp_endpoint__free(&e);
	free(text);
	return 0;
}
