/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which exporters there are: the row X(ZIPKIN, zipkin) is EXPORTER_ZIPKIN, and what
 * zipkin_exporter says (exporter.h). See docs/adding-an-exporter.md. */
#ifndef RED_EXPORTER_TABLE_H
#define RED_EXPORTER_TABLE_H

/* In the order in which they start and get their spans. */
#define EXPORTER_TABLE(X)                                                                          \
	X(ACCESS_LOG, access_log)                                                                  \
	X(TRACES, otlp_traces)                                                                     \
	X(ZIPKIN, zipkin)                                                                          \
	X(CONSOLE, console)                                                                        \
	X(LOGS, otlp_logs)                                                                         \
	X(METRICS, otlp_metrics)

#endif /* RED_EXPORTER_TABLE_H */
