// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the server lets somebody change. Who may is asked by httpd_routes.c: it
 * takes the bearer token, and a peer on this machine unless told otherwise.
 */
#include "httpd_internal.h"

#include <cjson/cJSON.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

#define N_LEVELS (sizeof(level_names) / sizeof(level_names[0]))

bool httpd_admin__is_loopback(const struct sockaddr *from)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)from)->sin6_addr;

	if (from->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	if (from->sa_family != AF_INET6)
		return false;
	return IN6_IS_ADDR_LOOPBACK(v6) ||
	       (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == IN_LOOPBACKNET);
}

static int level_of(struct slice word)
{
	int i = (int)N_LEVELS;

	while (i-- && !slice_eq(word, slice_of(level_names[i])))
		;
	return i;
}

static int level_in_json(struct slice body)
{
	cJSON *j = cJSON_ParseWithLength(body.p, body.len);
	const char *level = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, "level"));
	int found = level ? level_of(slice_of(level)) : -1;

	cJSON_Delete(j);
	return found;
}

/* The level that is asked for, or -1. */
static int wanted(const struct httpd_change *c)
{
	struct slice body = slice_trim(c->body);

	if (!body.len)
		return level_of(slice_of(c->query));
	return *body.p == '{' ? level_in_json(body) : level_of(body);
}

unsigned int httpd_admin__log_level(const struct httpd_change *c, char *text, size_t size)
{
	int level = c ? wanted(c) : (int)log__level();

	if (level < 0) {
		snprintf(text, size, "a log level is one of error, warn, info, debug\n");
		return 400;
	}
	if (c) {
		log__init((enum log_level)level);
		log__info("log level set to %s", level_names[level]);
	}
	snprintf(text, size, "%s\n", level_names[level]);
	return 200;
}
