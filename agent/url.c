// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "url.h"

#include <stdio.h>
#include <string.h>

size_t url__scheme_len(const char *url)
{
	size_t n = strcspn(url, ":/?#@");

	return strncmp(url + n, "://", 3) ? 0 : n + 3;
}

/* A password may have any character in it that should have been escaped: where '@' comes behind
 * '?', both sides of it may be secret. */
char *url__without_secrets(const char *url)
{
	size_t scheme = url__scheme_len(url);
	const char *end = url + strcspn(url, "?#"), *at = strrchr(url, '@');
	const char *from = at ? at + 1 : url + scheme;
	char *shown;
	int n;

	if (from > end)
		n = asprintf(&shown, "%.*s...", (int)scheme, url);
	else
		n = asprintf(&shown, "%.*s%.*s", (int)scheme, url, (int)(end - from), from);
	return n < 0 ? NULL : shown;
}
