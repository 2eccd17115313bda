// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines are Host, Origin, Sec-Fetch-Site, If-None-Match, Authorization and the body of a change of
 * the log's level. */
#undef NDEBUG
#include <assert.h>

#include "../../exporters/httpd_admin.c"
#include "../../exporters/httpd_auth.c"
#include "../../exporters/httpd_etag.c"
#include "../../exporters/httpd_origin.c"

static void check_origin(const char *host, const char *origin, const char *site)
{
	char lookalike[600];

	if (httpd_origin__is_plain_host(host)) { /* a name's first label is no address */
		snprintf(lookalike, sizeof(lookalike), "a%.500s", host);
		assert(*host == '[' || !httpd_origin__is_plain_host(lookalike));
	}
	if (httpd_origin__is_same(host, origin, NULL) && origin) {
		snprintf(lookalike, sizeof(lookalike), "%.500s.example", host);
		assert(!httpd_origin__is_same(lookalike, origin, NULL));
	}
	assert(!httpd_origin__is_same(host, origin, "cross-site"));
	httpd_origin__is_same(host, origin, site);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = strndup((const char *)data, len), *rest = text, *line[5], answer[128];
	struct httpd_etag tag = { .generation = 0x123456789abcdef, .content = 77 };
	struct httpd_auth auth = { .len = 6, .token = "secret" };
	struct httpd_change change;
	unsigned int status;

	for (int i = 0; i < 5; i++)
		line[i] = rest ? strsep(&rest, "\n") : "";
	check_origin(line[0], line[1], line[2]);
	if (httpd_etag__matches(&tag, line[3]))
		assert(strstr(line[3], "\"0123456789abcdef-") ||
		       strstr(line[3], "-000000000000004d\""));
	assert(equal_in_constant_time(auth.token, auth.len, line[4], strlen(line[4])) ==
	       !strcmp(line[4], auth.token));
	change = (struct httpd_change){ line[2], slice_of(rest ? rest : "") };
	log__init(LOG_LEVEL_ERROR); /* says nothing of it */
	status = wanted(&change) == LOG_LEVEL_INFO || wanted(&change) == LOG_LEVEL_DEBUG
			 ? 200
			 : httpd_admin__log_level(&change, answer, sizeof(answer));
	assert(status == 200 || status == 400);
	free(text);
	return 0;
}
