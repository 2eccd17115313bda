// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a request and as a response, whole and cut anywhere. */
#undef NDEBUG
#include <assert.h>

#include "../../agent/http1_head.c"
#include "../../agent/http1_target.c"

static void inside(struct slice s, const char *p, size_t len)
{
	assert(!s.len || (s.p >= p && s.p + s.len <= p + len));
}

static void check_parts(const struct http1_head *h, const char *p, size_t len)
{
	struct http1_target t;
	struct slice value;

	inside(h->method, p, len);
	inside(h->target, p, len);
	inside(h->fields, p, len);
	assert(!http1_head__field(h, SLICE("host"), &value) || slice_eq(value, h->host));
	http1_target__split(h->target, h->method.len == 7, &t);
	inside(t.host, p, len);
	inside(t.query, p, len);
	http1_host__split(h->host, &t.host, &t.port);
	inside(t.host, p, len);
}

/* A head has no proper prefix that is a head, nor one that is not HTTP/1. */
static void check_prefix(const char *p, size_t len, bool response, int result)
{
	struct http1_head h;
	int r = whole_head(p, len, response, &h);

	assert(result < 0 || r == (result > (int)len ? HTTP1_MORE : result));
	assert(r == HTTP1_BAD || http1_head__looks_like(p, len, response));
	r = http1_head__truncated(p, len, response, &h);
	if (r > 0)
		check_parts(&h, p, r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *p = (const char *)data;
	struct http1_head h;

	for (int response = 0; response < 2; response++) {
		int r = whole_head(p, len, response, &h);

		assert(r <= (int)len);
		check_prefix(p, len, response, r);
		check_prefix(p, len / 2, response, r);
		check_prefix(p, r > 0 ? r - 1 : 0, response, r);
	}
	return 0;
}
