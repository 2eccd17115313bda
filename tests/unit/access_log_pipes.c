// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The access log to those who may not read: pipes, standard output, syslog. */
#include "access_log_fixture.h"

/* ---- pipes ---- */

static int open_reader(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* What fd has now, added to text. */
static void drain(int fd, char *text, size_t *len, size_t max)
{
	ssize_t n;

	while ((n = read(fd, text + *len, max - *len)) > 0)
		*len += (size_t)n;
}

static void a_fifo_without_a_reader(void **state)
{
	struct access_log *log;
	struct access_log_stats st;
	static char text[1 << 20];
	int fd, first, last;
	size_t len = 0;

	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	log = log_to(in_dir("fifo"));
	add(log, 0, 97);
	st = settle(log);
	assert_int_equal(st.dropped[ACCESS_LOG_FAILED], 97);
	fd = open_reader(in_dir("fifo"));
	add(log, 97, 101);
	st = settle(log);
	drain(fd, text, &len, sizeof(text));
	assert_int_equal(lines_of(text, len, &first, &last), 101);
	assert_int_equal(st.lines, 101);
	close(fd); /* must not end the process */
	add(log, 198, 11);
	st = settle(log);
	assert_int_equal(st.dropped[ACCESS_LOG_FAILED], 108);
	access_log__free(log);
}

/* Some lines go, the rest is dropped; what a reader finds is whole lines, all that were counted. */
static void a_reader_that_stalls(void **state)
{
	struct access_log *log;
	struct access_log_stats st;
	static char text[4 << 20];
	int fd, first, last;
	uint64_t start;
	size_t len = 0;

	assert_int_equal(mkfifo(in_dir("slow"), 0600), 0);
	fd = open_reader(in_dir("slow"));
	log = log_to(in_dir("slow"));
	start = mono_ns();
	for (int i = 0; i < 9; i++) { /* waits once, not nine times */
		add(log, i * 499, 499);
		st = settle(log);
	}
	assert_true(mono_ns() - start < 3 * SECOND);
	assert_true(st.dropped[ACCESS_LOG_BLOCKED] > 0);
	drain(fd, text, &len, sizeof(text));
	assert_true(len >= 4096);
	add(log, 4491, 2); /* the rest of the line that was begun comes first */
	st = settle(log);
	drain(fd, text, &len, sizeof(text));
	assert_int_equal(lines_of(text, len, &first, &last), st.lines);
	assert_int_equal(st.bytes, len);
	assert_int_equal(st.lines + dropped(&st), 4493);
	assert_int_equal(last, 4492);
	access_log__free(log);
	close(fd);
}

static void ends_although_nobody_reads(void **state)
{
	struct access_log *log;
	uint64_t start;
	int fd;

	assert_int_equal(mkfifo(in_dir("stuck"), 0600), 0);
	fd = open_reader(in_dir("stuck"));
	log = log_to(in_dir("stuck"));
	add(log, 0, 8191);
	start = mono_ns();
	access_log__free(log);
	assert_true(mono_ns() - start < 3 * SECOND);
	close(fd);
}

/* The line that was begun when its reader left is counted as lost. */
static void a_reader_that_leaves(void **state)
{
	struct access_log *log;
	struct access_log_stats st;
	int fd;

	assert_int_equal(mkfifo(in_dir("left"), 0600), 0);
	fd = open_reader(in_dir("left"));
	log = log_to(in_dir("left"));
	add(log, 0, 499);
	settle(log);
	close(fd);
	add(log, 499, 1);
	st = settle(log);
	assert_int_equal(st.lines + dropped(&st), 500);
	assert_in_range(st.dropped[ACCESS_LOG_FAILED], 1, 2);
	access_log__free(log);
}

/* Spans come faster than they can go. */
static void the_queue_is_full(void **state)
{
	struct access_log *log;
	struct access_log_stats st;

	assert_int_equal(mkfifo(in_dir("queue"), 0600), 0);
	log = log_with((struct access_log_config){ .to = in_dir("queue"), .max_queue = 5 });
	add(log, 0, 10007);
	st = settle(log);
	assert_int_equal(st.added, 10007);
	assert_true(st.dropped[ACCESS_LOG_QUEUE_FULL] > 0);
	assert_true(st.dropped[ACCESS_LOG_FAILED] >= 5);
	assert_int_equal(dropped(&st), 10007);
	access_log__free(log);
}

/* ---- standard output ---- */

/* A log whose standard output is fd, for as long as it takes to open it. */
static struct access_log *log_to_stdout(int fd, const char *name)
{
	int saved;
	struct access_log *log;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	log = log_to(name);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	return log;
}

static void comes_out_at(int out, int in, const char *name)
{
	struct access_log *log = log_to_stdout(in, name);
	static char text[1 << 20];
	struct access_log_stats st;
	int first, last;
	size_t len = 0;

	assert_int_equal(fcntl(in, F_GETFL) & O_NONBLOCK, 0); /* it is not ours alone */
	fcntl(out, F_SETFL, O_NONBLOCK);
	add(log, 0, 97);
	st = settle(log);
	drain(out, text, &len, sizeof(text));
	assert_int_equal(lines_of(text, len, &first, &last), 97);
	assert_int_equal(st.lines, 97);
	close(out);
	add(log, 97, 1);
	st = settle(log);
	assert_int_equal(st.dropped[ACCESS_LOG_FAILED], 1);
	access_log__free(log);
	close(in);
}

static void standard_output(void **state)
{
	struct access_log *log;
	int ends[2], fd;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	comes_out_at(ends[0], ends[1], "stdout");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	comes_out_at(ends[0], ends[1], "/dev/stdout");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	comes_out_at(ends[0], ends[1], "stdout");

	fd = open(in_dir("out"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	log = log_to_stdout(fd, "stdout");
	add(log, 0, 7);
	settle(log);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), size_of(in_dir("out"))); /* one position */
	holds(in_dir("out"), 0, 7);
	close(fd);
	access_log__free(log);
}

/* ---- syslog ---- */

static int syslogd(const char *path, int type)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 5), 0);
	return fd;
}

/* "<134>Nov 21 13:28:43 redeye[4711]: {...}" */
static void is_message(const char *text, size_t len, int priority)
{
	char month[4], date[40];
	int got, day, h, m, s, pid, at = 0;

	assert_int_equal(sscanf(text, "<%d>%3s %d %d:%d:%d redeye[%d]: %n", &got, month, &day, &h,
				&m, &s, &pid, &at),
			 7);
	assert_int_equal(got, priority);
	assert_int_equal(pid, getpid());
	snprintf(date, sizeof(date), "<%d>%s %2d %02d:%02d:%02d redeye[%d]: ", priority, month, day,
		 h, m, s, pid);
	assert_memory_equal(text, date, (size_t)at);
	number(text + at, len - (size_t)at);
}

static void datagram(int fd, int priority)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[20000];
	ssize_t n;

	assert_int_equal(poll(&p, 1, 20000), 1);
	n = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = 0;
	assert_null(strchr(text, '\n'));
	is_message(text, (size_t)n, priority);
}

static void add_status(struct access_log *log, uint16_t status)
{
	struct span s = server_span();

	s.status = status;
	access_log__add(log, &s);
}

static void syslog_datagrams(void **state)
{
	const char *path = in_dir("dgram");
	struct access_log_stats st;
	struct access_log *log;
	char to[200];
	int fd;

	snprintf(to, sizeof(to), "syslog:%s", path);
	log = log_to(to); /* syslogd comes later */
	add(log, 0, 3);
	st = settle(log);
	assert_int_equal(st.dropped[ACCESS_LOG_FAILED], 3);
	fd = syslogd(path, SOCK_DGRAM);
	add(log, 0, 97);
	access_log__tick(log, mono_ns() + SECOND);
	for (int i = 0; i < 97; i++) /* more than a socket's queue holds */
		datagram(fd, 134);
	add_status(log, 404);
	add_status(log, 500);
	st = settle(log);
	datagram(fd, 132);
	datagram(fd, 131);
	assert_int_equal(st.lines, 99);
	close(fd);
	add(log, 0, 5);
	st = settle(log);
	assert_int_equal(st.dropped[ACCESS_LOG_FAILED], 8);
	unlink(path);
	fd = syslogd(path, SOCK_DGRAM);
	add(log, 0, 7);
	st = settle(log);
	assert_int_equal(st.lines, 106);
	for (int i = 0; i < 7; i++)
		datagram(fd, 134);
	close(fd);
	access_log__free(log);
}

/* A restart that nobody notices between two lines loses none. */
static void syslogd_restarts(void **state)
{
	struct access_log *log;
	struct access_log_stats st;
	char to[200];
	int fd;

	snprintf(to, sizeof(to), "syslog:%s", in_dir("restart"));
	fd = syslogd(in_dir("restart"), SOCK_DGRAM);
	log = log_to(to);
	add(log, 0, 2);
	settle(log);
	close(fd);
	unlink(in_dir("restart"));
	fd = syslogd(in_dir("restart"), SOCK_DGRAM);
	add(log, 2, 3);
	st = settle(log);
	assert_int_equal(st.lines, 5);
	assert_int_equal(dropped(&st), 0);
	for (int i = 0; i < 3; i++)
		datagram(fd, 134);
	close(fd);
	access_log__free(log);
}

static void syslogd_stalls(void **state)
{
	struct access_log *log;
	struct access_log_stats st;
	uint64_t start = mono_ns();
	char to[200], text[20000];
	uint64_t n = 0;
	int fd;

	snprintf(to, sizeof(to), "syslog:%s", in_dir("stalls"));
	fd = syslogd(in_dir("stalls"), SOCK_DGRAM);
	log = log_to(to);
	for (int i = 0; i < 9; i++) {
		add(log, 0, 499);
		st = settle(log);
	}
	assert_true(mono_ns() - start < 3 * SECOND);
	assert_true(st.dropped[ACCESS_LOG_BLOCKED] > 0);
	while (recv(fd, text, sizeof(text), 0) > 0)
		n++;
	assert_int_equal(n, st.lines);
	assert_int_equal(st.lines + dropped(&st), 9 * 499);
	add(log, 0, 1);
	st = settle(log);
	assert_int_equal(st.lines, n + 1);
	close(fd);
	access_log__free(log);
}

static int accepted(int listening)
{
	struct pollfd p = { .fd = listening, .events = POLLIN };
	int fd;

	assert_int_equal(poll(&p, 1, 20000), 1);
	fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void are_messages(int fd, int n)
{
	static char text[1 << 20];
	size_t len = 0;
	char *p = text, *end;

	drain(fd, text, &len, sizeof(text) - 1);
	text[len] = 0;
	for (; (end = strchr(p, '\n')); p = end + 1, n--) {
		*end = 0;
		is_message(p, (size_t)(end - p), 134);
	}
	assert_int_equal(n, 0);
	assert_int_equal(*p, 0);
}

static void syslog_stream(void **state)
{
	int listening = syslogd(in_dir("stream"), SOCK_STREAM), fd;
	struct access_log_stats st;
	struct access_log *log;
	char to[200];

	snprintf(to, sizeof(to), "syslog:%s", in_dir("stream"));
	log = log_to(to);
	add(log, 0, 97);
	st = settle(log);
	assert_int_equal(st.lines, 97);
	fd = accepted(listening);
	are_messages(fd, 97);
	close(fd);
	add(log, 97, 11); /* finds it closed, and connects anew */
	st = settle(log);
	assert_int_equal(st.lines, 108);
	fd = accepted(listening);
	are_messages(fd, 11);
	close(fd);
	close(listening);
	access_log__free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fifo_without_a_reader),
		cmocka_unit_test(a_reader_that_stalls),
		cmocka_unit_test(ends_although_nobody_reads),
		cmocka_unit_test(a_reader_that_leaves),
		cmocka_unit_test(the_queue_is_full),
		cmocka_unit_test(standard_output),
		cmocka_unit_test(syslog_datagrams),
		cmocka_unit_test(syslogd_restarts),
		cmocka_unit_test(syslogd_stalls),
		cmocka_unit_test(syslog_stream),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
