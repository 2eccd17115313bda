// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "procname.h"

#include <stdint.h>
#include <string.h>

#include "slice.h"
#include "utf8.h"
#include "hex.h"

/* ---- clean text ---- */

void procname__clean(char out[PROCNAME_MAX], const char *s, size_t len)
{
	size_t o = 0;

	while (len) {
		uint32_t cp = 0;
		size_t n = utf8_next(s, len, &cp), step = n ? n : 1;
		const char *from = n ? s : "\xef\xbf\xbd";

		n = n ? n : 3;
		if (from != s || (utf8_printable(cp) && (o || cp != ' '))) {
			if (o + n >= PROCNAME_MAX)
				break;
			memcpy(out + o, from, n);
			o += n;
		}
		s += step;
		len -= step;
	}
	while (o && out[o - 1] == ' ')
		o--;
	out[o] = 0;
}

/* ---- names from the environment ---- */

static void set_attribute(struct procname *n, struct slice key, struct slice value)
{
	char decoded[4 * PROCNAME_MAX], *out;

	if (slice_eq(key, SLICE("service.name")))
		out = n->service;
	else if (slice_eq(key, SLICE("service.namespace")))
		out = n->namespace;
	else if (slice_eq(key, SLICE("service.instance.id")))
		out = n->instance;
	else
		return;
	procname__clean(out, decoded, percent_decode(decoded, sizeof(decoded), value));
}

/* "key=value,key=value"; of two equal keys the last counts. */
static void resource_attributes(struct procname *n, const char *s)
{
	while (*s) {
		size_t len = strcspn(s, ",");
		const char *eq = memchr(s, '=', len);

		if (eq)
			set_attribute(
				n, slice_trim_blanks((struct slice){ s, eq - s }),
				slice_trim_blanks((struct slice){ eq + 1, s + len - eq - 1 }));
		s += len + (s[len] == ',');
	}
}

/* The value of the first `name=`, as getenv() would find it, or NULL. */
static const char *find_env(const char *env, size_t len, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = env, *nul; p < env + len; p = nul + 1) {
		nul = memchr(p, 0, env + len - p);
		if (!nul)
			break; /* cut off, or not terminated by its owner */
		if ((size_t)(nul - p) > n && p[n] == '=' && !memcmp(p, name, n))
			return p + n + 1;
	}
	return NULL;
}

void procname__from_environ(struct procname *n, const char *env, size_t len)
{
	const char *attributes = find_env(env, len, "OTEL_RESOURCE_ATTRIBUTES");
	const char *name = find_env(env, len, "OTEL_SERVICE_NAME");
	char clean[PROCNAME_MAX];

	*n = (struct procname){ 0 };
	if (attributes)
		resource_attributes(n, attributes);
	if (!name)
		return;
	procname__clean(clean, name, strlen(name));
	if (*clean)
		memcpy(n->service, clean, sizeof(clean));
}
