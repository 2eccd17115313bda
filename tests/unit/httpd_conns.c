// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Clients that misbehave, and too many of them: nobody else is delayed. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "httpd_fixture.h"

static void stalled_clients_delay_nobody(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .max_connections = 40 });
	double start = seconds();
	int silent[31];

	for (int i = 0; i < 31; i++) {
		silent[i] = dial(h);
		say(silent[i], "G");
	}
	for (int i = 0; i < 101; i++)
		expect(h, METRICS "\r\n", 200, one_point);
	assert_true(seconds() - start < 5);
	start = seconds();
	httpd__free(h); /* with all of them still connected */
	assert_true(seconds() - start < 1);
	for (int i = 0; i < 31; i++)
		close(silent[i]);
}

static int begin_large(const struct httpd *h)
{
	int fd = dial(h);

	app.points = 200003;
	begin_answer(fd, METRICS "\r\n");
	app.points = 1;
	return fd;
}

static void slow_readers_delay_nobody(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	int fd = begin_large(h);
	char begin[13] = "";
	double start;

	expect(h, METRICS "\r\n", 200, one_point);
	expect(h, GET("/healthz"), 200, "ok\n");
	start = seconds();
	httpd__free(h);
	assert_true(seconds() - start < 1);
	assert_int_equal(recv(fd, begin, 12, MSG_WAITALL), 12);
	assert_string_equal(begin, "HTTP/1.1 200"); /* the rest was cut off */
	close(fd);
}

static int status_of(const struct httpd *h)
{
	struct answer a = ask(h, METRICS "\r\n");

	free(a.raw);
	return a.status;
}

/* One may be larger than what there is for those that wait; then there is no room for others. */
static void answers_that_wait_are_bounded(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .max_bytes = 1 << 18 });
	int fd = begin_large(h);

	app.entered = 0;
	expect(h, METRICS "\r\n", 503,
	       "answers that slow clients have not taken yet have the 262144 bytes that there are "
	       "for them\n");
	assert_int_equal(app.entered, 0); /* none was made */
	expect(h, GET("/healthz"), 200, "ok\n");
	close(fd);
	while (status_of(h) == 503)
		poll(NULL, 0, 1);
	expect(h, METRICS "\r\n", 200, one_point);
	httpd__free(h);
}

/* What fits beside those that wait is sent, what does not is not, however large one alone may be.
 * Packed, a large one here has a megabyte. */
static void what_fits_beside_them_is_sent(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .max_bytes = 3 << 19 });
	int fd = begin_large(h);

	expect(h, METRICS "\r\n", 200, one_point);
	app.points = 200003;
	expect(h, METRICS "\r\n", 503, "have the 1572864 bytes");
	httpd__free(h);
	close(fd);
}

/* A scrape that waits for the event loop holds up other scrapes, and nothing else. */
static void slow_snapshots_delay_only_scrapes(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .timeout_s = 1 });
	int waiting, second;
	struct answer a;

	pthread_mutex_lock(&app.gate);
	waiting = dial(h);
	say(waiting, METRICS "\r\n");
	while (!app.entered)
		poll(NULL, 0, 1);
	expect(h, GET("/healthz"), 200, "ok\n");
	second = dial(h);
	say(second, METRICS "\r\n");
	a = hear(second); /* gives up after timeout_s */
	assert_int_equal(a.status, 503);
	free(a.raw);
	assert_int_equal(app.entered, 1); /* never two snapshots at once */
	pthread_mutex_unlock(&app.gate);
	a = hear(waiting);
	assert_int_equal(a.status, 200);
	free(a.raw);
	httpd__free(h);
}

/* Never silent for as long as a second, and never done. */
static void dripping_clients_are_cut_off(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .timeout_s = 1, .max_connections = 2 });
	double start = seconds();
	struct httpd_stats stats;
	int fd = dial(h);

	say(fd, "GET /metrics HTTP/1.1\r\nX: ");
	do {
		poll(NULL, 0, 100);
		if (send(fd, "a", 1, MSG_NOSIGNAL) < 0)
			break;
	} while (seconds() - start < 20);
	assert_true(seconds() - start < 5);
	assert_true(seconds() - start > 1.5);
	httpd__stats(h, &stats);
	assert_int_equal(stats.cut_off, 1);
	expect(h, METRICS "\r\n", 200, one_point);
	close(fd);
	httpd__free(h);
}

static void silent_clients_time_out(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .timeout_s = 1 });
	double start = seconds();
	struct answer a = ask(h, "GET /metrics");

	assert_true(seconds() - start < 4);
	free(a.raw);
	httpd__free(h);
}

static void hostile_requests(void **state)
{
	static char long_request[1 << 20];
	struct httpd *h = serve((struct httpd_config){ 0 });
	static const char *const cases[] = {
		"\r\n\r\n",
		"\x16\x03\x01\x02",
		"GET\r\n\r\n",
		"GET /metrics\r\n\r\n",
		"GET  HTTP/1.1\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"GET /%00%ff%zz HTTP/1.1\r\nHost: x\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int fd = dial(h);
		struct answer a;

		say(fd, cases[i]);
		shutdown(fd, SHUT_WR);
		a = hear(fd);
		free(a.raw);
	}
	memset(long_request, 'a', sizeof(long_request) - 1);
	memcpy(long_request, "GET /", 5);
	for (int i = 0; i < 3; i++) {
		int fd = dial(h);

		(void)!send(fd, long_request, sizeof(long_request) - 1, MSG_NOSIGNAL);
		free(hear(fd).raw);
	}
	expect(h, METRICS "\r\n", 200, one_point);
	httpd__free(h);
}

static atomic_int failed;

static void *scrape_some(void *arg)
{
	for (int i = 0; i < 7; i++) {
		struct answer a = ask(arg, METRICS "Accept-Encoding: gzip\r\n\r\n");

		/* No assert: cmocka's do not work on other threads. */
		if (a.status != 200) {
			print_error("[%s]\n", a.raw);
			atomic_fetch_add(&failed, 1);
		}
		free(a.raw);
	}
	return NULL;
}

/* Twice as many clients as connections: those that do not fit wait in the queue. */
static void many_at_once(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	struct httpd_stats stats;
	pthread_t threads[64];

	app.points = 31;
	for (int i = 0; i < 64; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, scrape_some, h), 0);
	for (int i = 0; i < 64; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(failed, 0);
	httpd__stats(h, &stats);
	assert_int_equal(stats.scrapes[PROM_TEXT_0_0_4], 64 * 7);
	assert_int_equal(stats.errors, 0);
	httpd__free(h);
}

/* One connection is all there is, and somebody sits on it. */
static void waits_for_a_place(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .timeout_s = 1, .max_connections = 1 });
	int silent = dial(h);

	say(silent, "GET /");
	expect(h, METRICS "\r\n", 200, one_point);
	expect(h, GET("/healthz"), 200, "ok\n");
	close(silent);
	httpd__free(h);
}

/* Without a descriptor for the client it waits, and the server does not spin. */
static void runs_out_of_descriptors(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	int fds[1024], n = 0, fd = dial(h);
	struct rlimit old, tight;
	struct timespec cpu[2];
	struct answer a;

	say(fd, GET("/healthz"));
	free(hear(fd).raw); /* everything is warm, and one number free */
	fd = dial(h);
	getrlimit(RLIMIT_NOFILE, &old);
	tight = (struct rlimit){ .rlim_cur = 256, .rlim_max = old.rlim_max };
	poll(NULL, 0, 50); /* until the server has taken fd */
	setrlimit(RLIMIT_NOFILE, &tight);
	while (n < 1024 && (fds[n] = open("/dev/null", O_RDONLY)) >= 0)
		n++;
	close(fds[--n]);
	int late = dial(h); /* takes the last one: there is none for the server's end */

	say(late, GET("/healthz"));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu[0]);
	assert_int_equal(poll(&(struct pollfd){ .fd = late, .events = POLLIN }, 1, 500), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu[1]);
	assert_true(cpu[1].tv_sec - cpu[0].tv_sec + (cpu[1].tv_nsec - cpu[0].tv_nsec) / 1e9 < 0.1);
	while (n)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &old);
	a = hear(late);
	assert_int_equal(a.status, 200);
	free(a.raw);
	close(fd);
	httpd__free(h);
}

/* The server's threads must not take the process's signals. */
static void signals_stay_away(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	struct timespec soon = { .tv_sec = 5 };
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	expect(h, GET("/healthz"), 200, "ok\n");
	kill(getpid(), SIGUSR1); /* would end the process where a thread had it unblocked */
	assert_int_equal(sigtimedwait(&usr1, NULL, &soon), SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	httpd__free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stalled_clients_delay_nobody),
		cmocka_unit_test(slow_readers_delay_nobody),
		cmocka_unit_test(answers_that_wait_are_bounded),
		cmocka_unit_test(what_fits_beside_them_is_sent),
		cmocka_unit_test(slow_snapshots_delay_only_scrapes),
		cmocka_unit_test(dripping_clients_are_cut_off),
		cmocka_unit_test(silent_clients_time_out),
		cmocka_unit_test(hostile_requests),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(waits_for_a_place),
		cmocka_unit_test(runs_out_of_descriptors),
		cmocka_unit_test(signals_stay_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
