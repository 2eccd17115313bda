/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A model of top that has had an answer, and what it would draw as text. */
#ifndef RED_TEST_TOP_FIXTURE_H
#define RED_TEST_TOP_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "term_text.h"
#include "top_layout.h"

#define STATS(rate, errors, ratio, p50)                                                            \
	"{\"count\": 600, \"rate\": " #rate ", \"errors\": " #errors ", \"error_ratio\": " #ratio  \
	", \"mean\": 0.001, \"p50\": " #p50 ", \"p95\": 0.002, \"p99\": 0.003}"

static const char services_json[] =
	"{\"total\": 3, \"services\": ["
	"{\"name\": \"shop\", \"namespace\": \"a\", \"server\": " STATS(
		20, 0, 0,
		0.004) ", "
		       "\"client\": " STATS(
			       5, 60, 0.1,
			       0.001) ", \"spark\": {\"rate\": [0, 1, 8]}}, "
				      "{\"name\": \"orders\", \"server\": " STATS(
					      10, 60, 0.1,
					      0.001) ", \"client\": null}, "
						     "{\"name\": \"Stock\", \"server\": " STATS(
							     30, 6, 0.01, null) "}]}";

static inline struct top_model new_model(struct view_options *o)
{
	struct view_options defaults = { .sort = TOP_RATE, .window_ns = 60000000000 };
	struct top_model m;

	assert_int_equal(top_model__init(&m, o ? o : &defaults), 0);
	return m;
}

static inline void answer(struct top_model *m, const char *json)
{
	struct top_rows rows;
	cJSON *j = cJSON_Parse(json);

	assert_non_null(j);
	assert_int_equal(m->routes ? top_rows__routes(&rows, j) : top_rows__services(&rows, j), 0);
	top_model__take(m, &rows);
}

/* Names of the rows, the selected one in brackets: "[Stock] shop orders". */
static inline const char *shown(const struct top_model *m)
{
	static char text[4096];
	size_t n = 0;

	*text = '\0';
	for (size_t i = 0; i < m->n_shown && n < sizeof(text) - 300; i++)
		n += snprintf(text + n, sizeof(text) - n, "%s%s%.200s%s", i ? " " : "",
			      i == m->selected ? "[" : "",
			      m->routes ? m->shown[i]->route : m->shown[i]->service,
			      i == m->selected ? "]" : "");
	return text;
}

static inline void utf8_locale(void)
{
	setenv("LC_ALL", "C.UTF-8", 1);
	term_text__init();
}

#endif /* RED_TEST_TOP_FIXTURE_H */
