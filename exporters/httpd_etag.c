// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * W/"GENERATION-CONTENT", both in hexadecimal. A client that has either has the answer: the same
 * generation before anything is computed, the same content afterwards. Weak, because the
 * same stands for the plain and the compressed form.
 */
#include "httpd_internal.h"

#include <inttypes.h>
#include <stdio.h>

void httpd_etag__write(const struct httpd_etag *t, char text[HTTPD_ETAG_MAX])
{
	snprintf(text, HTTPD_ETAG_MAX, "W/\"%016" PRIx64 "-%016" PRIx64 "\"", t->generation,
		 t->content);
}

bool httpd_etag__matches(const struct httpd_etag *t, const char *if_none_match)
{
	char generation[20], content[20];

	if (!if_none_match)
		return false;
	snprintf(generation, sizeof(generation), "\"%016" PRIx64 "-", t->generation);
	snprintf(content, sizeof(content), "-%016" PRIx64 "\"", t->content);
	return (t->generation && strstr(if_none_match, generation)) ||
	       (t->content && strstr(if_none_match, content));
}
