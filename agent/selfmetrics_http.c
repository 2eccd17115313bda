// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the HTTP server did for who asked it. */
#include "httpd.h"
#include "self_builder.h"
#include "selfmetrics.h"

static const char *const formats[PROM_FORMATS] = {
	[PROM_TEXT_0_0_4] = "text",
	[PROM_OPENMETRICS_1] = "openmetrics",
	[PROM_PROTOBUF] = "protobuf",
};

void selfmetrics__http(struct self_builder *b, const struct httpd_stats *st)
{
	struct metric_family *f =
		self__family(b, "redeye.http.scrapes", "{request}", METRIC_COUNTER, PROM_FORMATS,
			     "Requests for /metrics that were answered.");
	struct self_label l[] = { { "format", NULL }, { NULL, NULL } };
	int i;

	for (i = 0; i < PROM_FORMATS; i++) {
		l[0].value = formats[i];
		self__point(b, f, st->scrapes[i], l);
	}
	self__single(b, "redeye.http.sent", "By", METRIC_COUNTER, st->bytes,
		     "Bytes of their bodies, as sent.");
	self__single(b, "redeye.http.errors", "{request}", METRIC_COUNTER, st->errors,
		     "Requests for /metrics that got a 500 or 503.");
	self__single(b, "redeye.http.refused", "{request}", METRIC_COUNTER, st->refused,
		     "Requests of any kind from who may not make them: 401 and 403.");
	self__single(b, "redeye.http.cut_off", "{connection}", METRIC_COUNTER, st->cut_off,
		     "Connections that took too long over a request.");
}
