/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rows of top out of the documents of docs/api.md: services, or routes of one. */
#ifndef RED_TOP_ROWS_H
#define RED_TOP_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

enum {
	TOP_ROWS_MAX = 2000, /* of one answer: 1000 services have two sides */
	TOP_SPARK_MAX = 60,
};

/* Text as it was captured, NULL when there is none; numbers that are not known are NAN. */
struct top_row {
	const char *service, *namespace;
	bool client;                                  /* what it asks of others */
	const char *protocol, *method, *route, *peer; /* of routes; a call's route is its method */
	double rate, count, errors, error_ratio, mean, p50, p95, p99;
	double total_count, total_errors;
	size_t n_spark;
	float spark[TOP_SPARK_MAX]; /* rates, the oldest first */
};

struct top_rows {
	size_t n;
	struct top_row *v;
	double total;    /* how many the agent has; more than these when the answer was cut */
	cJSON *document; /* private: owns the text */
};

/* Takes the document, whatever it is. 0, -ENOMEM, or -EBADMSG when it is no such answer; *out is
 * then empty. */
int top_rows__services(struct top_rows *out, cJSON *document);
int top_rows__routes(struct top_rows *out, cJSON *document);
void top_rows__free(struct top_rows *rows); /* accepts a zeroed one, and leaves it so */

/* What the agent lost, of its /api/v1/status: events and requests that should have been counted. */
double top_status__lost(const cJSON *status);

#endif /* RED_TOP_ROWS_H */
