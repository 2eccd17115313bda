// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "answer.h"

#include <math.h>
#include <stdint.h>

#include "utf8.h"

const char *answer__text(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

double answer__number(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

double answer__count(const cJSON *object, const char *key)
{
	double v = answer__number(object, key);

	return v > 0 && v < 1e18 ? v : 0;
}

static void put_escape(struct buf *out, uint32_t cp)
{
	if (cp >= 0x10000)
		buf__printf(out, "\\u%04x\\u%04x", 0xd7c0 + (cp >> 10), 0xdc00 + (cp & 0x3ff));
	else
		buf__printf(out, "\\u%04x", cp);
}

void answer__put(struct buf *out, const char *json, size_t len)
{
	uint32_t cp;
	size_t n;

	for (; len; json += n, len -= n) {
		n = utf8_next(json, len, &cp);
		if (n && utf8_printable(cp))
			buf__append(out, json, n);
		else if (n && cp < 0x20)
			buf__putc(out, ' ');
		else
			put_escape(out, n ? cp : 0xfffd);
		n = n ? n : 1;
	}
}
