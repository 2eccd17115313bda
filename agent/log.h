/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One line on standard error for each message, "redeye: level: text", in one write(2),
 * so that lines of several threads and processes stay whole. What came from outside
 * (paths, names, error texts) is hostile to terminals: control characters and invalid
 * UTF-8 leave as \xNN. Any function may be called from any thread; errno survives.
 */
#ifndef RED_LOG_H
#define RED_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR = 0,
	LOG_LEVEL_WARN = 1,
	LOG_LEVEL_INFO = 2,
	LOG_LEVEL_DEBUG = 3,
};

/* Messages above the level are not even formatted. May be called again at any time;
 * before the first call the level is info. */
void log__init(enum log_level level);
enum log_level log__level(void);

void log__error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log__warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log__info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log__debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* At most `burst` messages in any interval that begins with a message; the next one
 * after it says how many were kept back: "... (+17 more)". One for each place in the
 * code that may be reached at the speed of the data:
 *	static struct log_limit limit = LOG_LIMIT(5, 10);
 */
struct log_limit {
	uint32_t burst;
	uint64_t interval_ns;
	/* private */
	uint64_t start_ns; /* when the present interval began, 0: never */
	uint32_t said;     /* messages in it */
	uint64_t held;     /* kept back since the last one that was said */
};

#define LOG_LIMIT(burst_, seconds)                                                                 \
	{                                                                                          \
		.burst = (burst_), .interval_ns = 1000000000ull * (seconds)                        \
	}

void log__limited(struct log_limit *limit, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- for tests ---- */

/* Whether a message at now_ns may be said, and how many were held back before it. */
bool log_limit__admit(struct log_limit *limit, uint64_t now_ns, uint64_t *held);

#endif /* RED_LOG_H */
