// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hear_stderr.h"
#include "log.h"

#define SEC 1000000000ull

static void expect(const char *payload, const char *line)
{
	listen_to_stderr();
	log__error("<%s>", payload);
	assert_string_equal(what_was_said(), line);
}

static void payload_reaches_no_terminal_raw(void **state)
{
	static const struct {
		const char *payload, *line;
	} cases[] = {
		{ "plain", "redeye: error: <plain>\n" },
		{ "", "redeye: error: <>\n" },
		{ "a\nb", "redeye: error: <a\\x0Ab>\n" },
		{ "\r\t\b\x7f", "redeye: error: <\\x0D\\x09\\x08\\x7F>\n" },
		{ "\x1b[31m", "redeye: error: <\\x1B[31m>\n" },
		{ "\xc2\x9b"
		  "31m",
		  "redeye: error: <\\xC2\\x9B31m>\n" },                   /* C1 CSI */
		{ "\xe2\x80\xae", "redeye: error: <\\xE2\\x80\\xAE>\n" }, /* override */
		{ "\xe2\x80\xa8", "redeye: error: <\\xE2\\x80\\xA8>\n" }, /* line separator */
		{ "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x9d",
		  "redeye: error: <gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x9d>\n" },
		{ "\xff\xfe", "redeye: error: <\\xFF\\xFE>\n" },
		{ "\xc3", "redeye: error: <\\xC3>\n" },                   /* ends too soon */
		{ "\xc0\xaf", "redeye: error: <\\xC0\\xAF>\n" },          /* overlong */
		{ "\xe0\x80\xaf", "redeye: error: <\\xE0\\x80\\xAF>\n" }, /* overlong */
		{ "\xf0\x80\x80\xaf", "redeye: error: <\\xF0\\x80\\x80\\xAF>\n" },
		{ "\xed\xa0\x80", "redeye: error: <\\xED\\xA0\\x80>\n" }, /* surrogate */
		{ "\xf4\x90\x80\x80", "redeye: error: <\\xF4\\x90\\x80\\x80>\n" },
		{ "\xef\xbf\xbd", "redeye: error: <\xef\xbf\xbd>\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(cases[i].payload, cases[i].line);
}

static void long_messages_are_cut_and_say_so(void **state)
{
	char payload[5000];
	size_t len;

	for (int c = 'x'; c; c = c == 'x' ? '\n' : 0) {
		memset(payload, c, sizeof(payload) - 1);
		payload[sizeof(payload) - 1] = '\0';
		listen_to_stderr();
		log__error("%s", payload);
		len = strlen(what_was_said());
		assert_string_equal(said + len - 4, "...\n");
		assert_int_equal(len, strlen("redeye: error: ...\n") + 2047 * (c == 'x' ? 1 : 4));
		assert_ptr_equal(strchr(said, '\n'), said + len - 1);
	}
}

static void the_level_decides_and_can_change(void **state)
{
	listen_to_stderr();
	for (enum log_level level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		log__init(level);
		assert_int_equal(log__level(), level);
		log__error("%d", level);
		log__warn("%d", level);
		log__info("%d", level);
		log__debug("%d", level);
	}
	log__init(LOG_LEVEL_INFO);
	assert_string_equal(what_was_said(), "redeye: error: 0\n"
					     "redeye: error: 1\nredeye: warn: 1\n"
					     "redeye: error: 2\nredeye: warn: 2\nredeye: info: 2\n"
					     "redeye: error: 3\nredeye: warn: 3\nredeye: info: 3\n"
					     "redeye: debug: 3\n");
}

static void errno_survives_and_can_be_printed(void **state)
{
	listen_to_stderr();
	errno = ENOENT;
	log__warn("x: %m");
	assert_int_equal(errno, ENOENT);
	close(STDERR_FILENO); /* what_was_said() opens it again */
	log__warn("nobody hears this");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(what_was_said(), "redeye: warn: x: No such file or directory\n");
}

static void a_limit_admits_its_burst_in_each_interval(void **state)
{
	struct log_limit limit = LOG_LIMIT(2, 10);
	static const struct {
		uint64_t at;
		bool admitted;
		uint64_t held;
	} steps[] = {
		{ 100 * SEC, true, 0 },      { 101 * SEC, true, 0 },      { 102 * SEC, false, 0 },
		{ 99 * SEC, false, 0 },      { 110 * SEC - 1, false, 0 }, { 110 * SEC, true, 3 },
		{ 119 * SEC, true, 0 },      { 119 * SEC, false, 0 },     { 1000 * SEC, true, 1 },
		{ 1000 * SEC + 1, true, 0 },
	};
	uint64_t held;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(log_limit__admit(&limit, steps[i].at, &held), steps[i].admitted);
		assert_int_equal(held, steps[i].held);
	}
}

static void held_back_messages_are_counted_in_the_next(void **state)
{
	struct log_limit limit = LOG_LIMIT(1, 3600);

	listen_to_stderr();
	for (int i = 0; i < 7; i++)
		log__limited(&limit, LOG_LEVEL_WARN, "m%d", i);
	log__limited(&limit, LOG_LEVEL_DEBUG, "above the level: not counted");
	limit.start_ns = 0; /* an hour passes */
	log__limited(&limit, LOG_LEVEL_WARN, "last");
	assert_string_equal(what_was_said(), "redeye: warn: m0\nredeye: warn: last (+6 more)\n");
}

#define THREADS 8
#define ROUNDS  97

static struct log_limit shared_limit = LOG_LIMIT(100, 3600);

static void *talk(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		log__limited(&shared_limit, LOG_LEVEL_ERROR, "0123456789");
		log__init(i & 1 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	}
	return NULL;
}

static void threads_share_a_limit_and_lines_stay_whole(void **state)
{
	pthread_t threads[THREADS];
	int n = 0;

	listen_to_stderr();
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, talk, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log__init(LOG_LEVEL_INFO);
	what_was_said();
	for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"), n++)
		assert_string_equal(line, "redeye: error: 0123456789");
	assert_int_equal(n, 100);
	assert_int_equal(shared_limit.held, THREADS * ROUNDS - 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(payload_reaches_no_terminal_raw),
		cmocka_unit_test(long_messages_are_cut_and_say_so),
		cmocka_unit_test(the_level_decides_and_can_change),
		cmocka_unit_test(errno_survives_and_can_be_printed),
		cmocka_unit_test(a_limit_admits_its_burst_in_each_interval),
		cmocka_unit_test(held_back_messages_are_counted_in_the_next),
		cmocka_unit_test(threads_share_a_limit_and_lines_stay_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
