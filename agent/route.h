/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * http.route of a request: a configured template, else one learned from the
 * paths that the service answered. How, and why it is bounded: route.c.
 *
 * The conventions forbid to fill http.route from the raw path; a learned
 * template is a guess, which is why it says so and can be switched off.
 * Event loop only.
 */
#ifndef RED_ROUTE_H
#define RED_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

struct str_list;
struct route_set;
struct route_table;

struct route_result {
	const char *template; /* NULL: none; stable while table and set live */
	bool learned;
};

/*
 * Configured templates, for all services. Matched segment by segment, the first
 * that matches wins: "{name}" is one segment, "*" at the end is any number of
 * segments, "*" elsewhere is one segment; everything else is compared byte by
 * byte. Empty segments (a slash too many, a slash at the end) do not count.
 * NULL with errno ENOMEM, or EINVAL for a template that does not begin with '/'.
 */
struct route_set *route_set__new(const struct str_list *templates);
void route_set__free(struct route_set *set); /* accepts NULL */
const char *route_set__match(const struct route_set *set, struct slice path);
const char *route_set__find(const struct route_set *set, const char *template); /* the same text */

/* One service's routes. At most max_routes learned templates in the table's whole life,
 * the catch-all included; max_routes 0 or learn false: configured ones only.
 * `configured` may be NULL and must outlive the table. NULL with errno ENOMEM. */
struct route_table *route_table__new(const struct route_set *configured, bool learn,
				     uint32_t max_routes);
void route_table__free(struct route_table *t); /* accepts NULL */

/*
 * path: without query. `served` says that the answer speaks for the existence of
 * the path (no 4xx, and there was an answer): only such a request teaches. Others
 * get the template of a known route, or none.
 */
struct route_result route_table__get(struct route_table *t, struct slice path, bool served);

uint32_t route_table__learned(const struct route_table *t); /* templates, ever */
size_t route_table__bytes(const struct route_table *t);

#endif /* RED_ROUTE_H */
