// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "utf8.h"

#define TEXT_SIZE 2048                 /* bytes of a message as it was formatted */
#define LINE_SIZE (4 * TEXT_SIZE + 64) /* every byte may become \xNN */

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static atomic_int level_now = LOG_LEVEL_INFO;
static pthread_mutex_t limit_lock = PTHREAD_MUTEX_INITIALIZER;

void log__init(enum log_level level)
{
	atomic_store_explicit(&level_now, level, memory_order_relaxed);
}

enum log_level log__level(void)
{
	return atomic_load_explicit(&level_now, memory_order_relaxed);
}

/* Copies text to `to`, which has room for four times its bytes. */
static size_t sanitise(const char *text, size_t left, char *to)
{
	char *start = to;
	uint32_t cp;
	size_t len;

	for (; left; text += len, left -= len) {
		len = utf8_next(text, left, &cp);
		if (len && utf8_printable(cp)) {
			to = mempcpy(to, text, len);
			continue;
		}
		len = len ? len : 1;
		for (size_t i = 0; i < len; i++)
			to += sprintf(to, "\\x%02X", (uint8_t)text[i]);
	}
	return to - start;
}

static void write_line(const char *line, size_t len)
{
	ssize_t n;

	do {
		n = write(STDERR_FILENO, line, len);
	} while (n < 0 && errno == EINTR);
}

static void say(enum log_level level, uint64_t held, const char *fmt, va_list args)
{
	char text[TEXT_SIZE], line[LINE_SIZE];
	int saved_errno = errno, n;
	size_t len;

	n = vsnprintf(text, sizeof(text), fmt, args);
	if (n < 0)
		n = 0;
	len = sprintf(line, "redeye: %s: ", level_names[level]);
	len += sanitise(text, n < TEXT_SIZE ? n : TEXT_SIZE - 1, line + len);
	if (n >= TEXT_SIZE)
		len += sprintf(line + len, "...");
	if (held)
		len += sprintf(line + len, " (+%" PRIu64 " more)", held);
	line[len++] = '\n';
	write_line(line, len);
	errno = saved_errno;
}

#define SAY(level, fmt)                                                                            \
	do {                                                                                       \
		va_list args;                                                                      \
                                                                                                   \
		if ((level) > log__level())                                                        \
			return;                                                                    \
		va_start(args, fmt);                                                               \
		say(level, 0, fmt, args);                                                          \
		va_end(args);                                                                      \
	} while (0)

void log__error(const char *fmt, ...)
{
	SAY(LOG_LEVEL_ERROR, fmt);
}

void log__warn(const char *fmt, ...)
{
	SAY(LOG_LEVEL_WARN, fmt);
}

void log__info(const char *fmt, ...)
{
	SAY(LOG_LEVEL_INFO, fmt);
}

void log__debug(const char *fmt, ...)
{
	SAY(LOG_LEVEL_DEBUG, fmt);
}

bool log_limit__admit(struct log_limit *limit, uint64_t now_ns, uint64_t *held)
{
	bool admitted;

	pthread_mutex_lock(&limit_lock);
	/* Clocks are read outside the lock: now_ns may be a little before start_ns. */
	if (!limit->start_ns || now_ns >= limit->start_ns + limit->interval_ns) {
		limit->start_ns = now_ns;
		limit->said = 0;
	}
	admitted = limit->said < limit->burst;
	*held = admitted ? limit->held : 0;
	limit->said += admitted;
	limit->held = admitted ? 0 : limit->held + 1;
	pthread_mutex_unlock(&limit_lock);
	return admitted;
}

void log__limited(struct log_limit *limit, enum log_level level, const char *fmt, ...)
{
	struct timespec now;
	uint64_t held;
	va_list args;

	if (level > log__level())
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!log_limit__admit(limit, now.tv_sec * 1000000000ull + now.tv_nsec, &held))
		return;
	va_start(args, fmt);
	say(level, held, fmt, args);
	va_end(args);
}
