// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as Accept and Accept-Encoding. What is listed alone is what one gets, and an element
 * with q=0 behind the rest changes nothing. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>

#include "../../exporters/prom.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 80), *end;
	enum prom_format f;
	bool gzip;

	memcpy(text, data, len);
	text[len] = 0;
	f = prom__negotiate(text);
	gzip = prom__accepts_gzip(text);
	assert(f < PROM_FORMATS && prom__negotiate(prom__content_type(f)) == f);
	end = text + strlen(text);
	if (!memchr(text, '"', end - text)) {
		strcpy(end, ", application/openmetrics-text;q=0, compress");
		assert(prom__negotiate(text) == f && prom__accepts_gzip(text) == gzip);
		strcpy(end, ", gzip;q=1");
		assert(prom__accepts_gzip(text));
	}
	free(text);
	return 0;
}
