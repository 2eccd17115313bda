/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A log, its spans, and what came out: for the tests of the access log. */
#ifndef RED_TEST_ACCESS_LOG_FIXTURE_H
#define RED_TEST_ACCESS_LOG_FIXTURE_H

/* The access log as a whole: its thread, and files, pipes and sockets that behave badly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "access_log.h"
#include "log.h"
#include "loop.h"
#include "spans.h"

#define SECOND 1000000000ull

static char dir[] = "/tmp/redeye-access-log-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[4][sizeof(dir) + 64];
	static int n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

/* ---- a log and its spans ---- */

static inline struct access_log *log_with(struct access_log_config c)
{
	char err[400] = "";
	struct access_log *log = access_log__new(&c, err, sizeof(err));

	if (!log)
		print_error("%s\n", err);
	assert_non_null(log);
	return log;
}

static inline struct access_log *log_to(const char *path)
{
	return log_with((struct access_log_config){ .to = path });
}

/* Requests for /from, /from+1 ... */
static inline void add(struct access_log *log, int from, int n)
{
	struct span s = server_span();
	char path[24];

	for (int i = from; i < from + n; i++) {
		s.path = (struct slice){ path, (size_t)sprintf(path, "/%d", i) };
		access_log__add(log, &s);
	}
}

static inline struct access_log_stats stats_of(struct access_log *log)
{
	struct access_log_stats st;

	access_log__stats(log, &st);
	return st;
}

static inline uint64_t dropped(const struct access_log_stats *st)
{
	return st->dropped[ACCESS_LOG_QUEUE_FULL] + st->dropped[ACCESS_LOG_BLOCKED] +
	       st->dropped[ACCESS_LOG_FAILED];
}

#define WAIT_UNTIL(condition)                                                                      \
	do {                                                                                       \
		uint64_t deadline_ = mono_ns() + 20 * SECOND;                                      \
		while (!(condition)) {                                                             \
			assert_true(mono_ns() < deadline_);                                        \
			poll(NULL, 0, 1);                                                          \
		}                                                                                  \
	} while (0)

/* Hands over what was added, and waits until the thread is done with it. */
static inline struct access_log_stats settle(struct access_log *log)
{
	assert_int_equal(access_log__tick(log, mono_ns() + SECOND), UINT64_MAX);
	WAIT_UNTIL(!stats_of(log).queued);
	return stats_of(log);
}

/* ---- what came out ---- */

static char *content(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 8 << 20);

	assert_non_null(f);
	*len = fread(text, 1, (8 << 20) - 1, f);
	fclose(f);
	return text;
}

/* The number in a line's path. */
static inline int number(const char *line, size_t len)
{
	cJSON *j = cJSON_ParseWithLength(line, len);
	const char *path = cJSON_GetStringValue(cJSON_GetObjectItem(j, "path"));
	int n;

	assert_non_null(path);
	n = atoi(path + 1);
	cJSON_Delete(j);
	return n;
}

/* How many lines, each of which is one whole object; their numbers ascend. */
static inline int lines_of(const char *text, size_t len, int *first, int *last)
{
	int n = 0, before = -1, now;
	const char *end;

	for (; len; len -= (size_t)(end - text) + 1, text = end + 1, n++) {
		end = memchr(text, '\n', len);
		assert_non_null(end);
		now = number(text, (size_t)(end - text));
		assert_true(now > before);
		before = now;
		if (!n)
			*first = now;
	}
	*last = before;
	return n;
}

static inline void holds(const char *path, int from, int n)
{
	int first = 0, last = 0;
	size_t len;
	char *text = content(path, &len);

	assert_int_equal(lines_of(text, len, &first, &last), n);
	if (n) {
		assert_int_equal(first, from);
		assert_int_equal(last, from + n - 1);
	}
	free(text);
}

static inline bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static inline off_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static inline int set_up(void **state)
{
	umask(022);
	log__init(LOG_LEVEL_ERROR);
	return mkdtemp(dir) ? 0 : -1;
}

static inline int tear_down(void **state)
{
	char command[sizeof(dir) + 20];

	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

#endif /* RED_TEST_ACCESS_LOG_FIXTURE_H */
