// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
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

#include "a_span.h"
#include "access_log.h"
#include "log.h"
#include "loop.h"

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

static struct access_log *log_with(struct access_log_config c)
{
	char err[400] = "";
	struct access_log *log = access_log__new(&c, err, sizeof(err));

	if (!log)
		print_error("%s\n", err);
	assert_non_null(log);
	return log;
}

static struct access_log *log_to(const char *path)
{
	return log_with((struct access_log_config){ .to = path });
}

/* Requests for /from, /from+1 ... */
static void add(struct access_log *log, int from, int n)
{
	struct span s = a_span();
	char path[24];

	for (int i = from; i < from + n; i++) {
		s.path = (struct slice){ path, (size_t)sprintf(path, "/%d", i) };
		access_log__add(log, &s);
	}
}

static struct access_log_stats stats_of(struct access_log *log)
{
	struct access_log_stats st;

	access_log__stats(log, &st);
	return st;
}

static uint64_t dropped(const struct access_log_stats *st)
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
static struct access_log_stats settle(struct access_log *log)
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
static int number(const char *line, size_t len)
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
static int lines_of(const char *text, size_t len, int *first, int *last)
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

static void holds(const char *path, int from, int n)
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

static bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static off_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* ---- files ---- */

static void every_line_arrives(void **state)
{
	struct access_log *log = log_to(in_dir("every"));
	struct access_log_stats st;
	struct stat file;

	add(log, 0, 997);
	st = settle(log);
	assert_int_equal(st.added, 997);
	assert_int_equal(st.lines, 997);
	assert_int_equal(dropped(&st), 0);
	assert_int_equal(stat(in_dir("every"), &file), 0);
	assert_int_equal(st.bytes, file.st_size);
	assert_int_equal(file.st_mode & 0777, 0640 & ~022);
	holds(in_dir("every"), 0, 997);
	access_log__free(log);

	log = log_to(in_dir("every")); /* goes on behind what is there */
	add(log, 997, 101);
	access_log__free(log); /* and writes what nobody ticked for */
	holds(in_dir("every"), 0, 1098);
	access_log__free(NULL);
}

static void lines_appear_soon(void **state)
{
	struct access_log *log = log_to(in_dir("soon"));
	uint64_t start = mono_ns(), due;

	add(log, 0, 1);
	due = access_log__tick(log, start);
	assert_in_range(due, start, start + SECOND / 5);
	assert_int_equal(access_log__tick(log, due), UINT64_MAX);
	WAIT_UNTIL(size_of(in_dir("soon")));
	assert_int_equal(access_log__tick(log, mono_ns()), UINT64_MAX);
	access_log__free(log);
}

/* FILE.3 is the oldest, and the files follow one another without a gap. */
static void rotates(void **state)
{
	static const char *const names[] = { "rotated.3", "rotated.2", "rotated.1", "rotated" };
	struct access_log *log = log_with((struct access_log_config){
		.to = in_dir("rotated"), .max_bytes = 8192, .backups = 3 });
	int first = 0, last = -1, before;
	struct access_log_stats st;

	for (int i = 0; i < 499; i += 17) {
		add(log, i, i + 17 < 499 ? 17 : 499 - i);
		st = settle(log);
	}
	assert_int_equal(st.lines, 499);
	assert_int_equal(dropped(&st), 0);
	for (size_t i = 0; i < 4; i++) {
		size_t len;
		char *text = content(in_dir(names[i]), &len);

		before = last;
		assert_in_range(len, 1, 8192);
		assert_true(i == 3 || len > 8192 - 1000);
		assert_true(lines_of(text, len, &first, &last) > 0);
		assert_true(i == 0 || first == before + 1);
		free(text);
	}
	assert_int_equal(last, 498);
	assert_false(exists(in_dir("rotated.4")));
	assert_in_range(st.rotations, st.bytes / 8192, st.bytes / 7192);
	access_log__free(log);
}

static void rotates_within_a_batch(void **state)
{
	struct access_log *log = log_with((struct access_log_config){
		.to = in_dir("within"), .max_bytes = 4096, .backups = 1000 });
	struct access_log_stats st;
	int first, last = -1, total = 0;
	char name[30];

	add(log, 0, 499);
	st = settle(log);
	for (int i = (int)st.rotations; i >= 0; i--) {
		int before = last;
		size_t len;
		char *text;

		snprintf(name, sizeof(name), i ? "within.%d" : "within", i);
		text = content(in_dir(name), &len);
		assert_in_range(len, 1, 4096);
		total += lines_of(text, len, &first, &last);
		assert_int_equal(first, before + 1);
		free(text);
	}
	assert_int_equal(total, 499);
	assert_int_equal(st.lines, 499);
	access_log__free(log);
}

static void rotates_without_backups(void **state)
{
	struct access_log *log =
		log_with((struct access_log_config){ .to = in_dir("alone"), .max_bytes = 1 });
	struct access_log_stats st;

	add(log, 0, 7);
	st = settle(log);
	assert_int_equal(st.lines, 7);
	assert_int_equal(st.rotations, 6);
	holds(in_dir("alone"), 6, 1);
	assert_false(exists(in_dir("alone.1")));
	access_log__free(log);
}

/* What cannot be moved grows on. */
static void cannot_rotate(void **state)
{
	struct access_log *log = log_with((struct access_log_config){
		.to = in_dir("grows"), .max_bytes = 4096, .backups = 1 });
	struct access_log_stats st;

	assert_int_equal(mkdir(in_dir("grows.1"), 0700), 0);
	add(log, 0, 101);
	st = settle(log);
	assert_int_equal(st.lines, 101);
	assert_int_equal(st.rotations + dropped(&st), 0);
	holds(in_dir("grows"), 0, 101);
	access_log__free(log);
}

static void reopens_when_asked(void **state)
{
	struct access_log *log = log_to(in_dir("hup"));

	add(log, 0, 7);
	settle(log);
	assert_int_equal(rename(in_dir("hup"), in_dir("hup.old")), 0);
	access_log__reopen(log);
	WAIT_UNTIL(exists(in_dir("hup"))); /* without a request */
	add(log, 7, 11);
	settle(log);
	holds(in_dir("hup.old"), 0, 7);
	holds(in_dir("hup"), 7, 11);
	access_log__free(log);
}

/* Nobody says that the file has gone; nothing is lost of one that was only moved. */
static void notices_a_moved_file(void **state)
{
	struct access_log *log = log_to(in_dir("moved"));
	int n = 0, first, last;
	struct access_log_stats st;
	size_t len;
	char *text;

	add(log, n++, 1);
	settle(log);
	assert_int_equal(rename(in_dir("moved"), in_dir("moved.old")), 0);
	WAIT_UNTIL((add(log, n++, 1), settle(log), exists(in_dir("moved"))));
	st = stats_of(log);
	text = content(in_dir("moved.old"), &len);
	assert_int_equal(lines_of(text, len, &first, &last), st.lines - 1);
	free(text);
	holds(in_dir("moved"), n - 1, 1);
	unlink(in_dir("moved"));
	WAIT_UNTIL((add(log, n++, 1), settle(log), exists(in_dir("moved"))));
	access_log__free(log);
}

static void the_directory_vanishes(void **state)
{
	struct access_log *log;
	struct access_log_stats st;
	int n = 0;

	assert_int_equal(mkdir(in_dir("sub"), 0700), 0);
	log = log_to(in_dir("sub/log"));
	unlink(in_dir("sub/log"));
	assert_int_equal(rmdir(in_dir("sub")), 0);
	WAIT_UNTIL((add(log, n++, 1), settle(log).dropped[ACCESS_LOG_FAILED]));
	add(log, n, 13);
	st = settle(log);
	assert_int_equal(st.dropped[ACCESS_LOG_FAILED], 14);
	assert_int_equal(st.lines + 14, st.added);
	assert_int_equal(mkdir(in_dir("sub"), 0700), 0);
	add(log, 100, 17);
	st = settle(log);
	assert_int_equal(st.dropped[ACCESS_LOG_FAILED], 14);
	holds(in_dir("sub/log"), 100, 17);
	access_log__free(log);
}

/* The last line that the disk takes a part of is taken back. */
static void the_disk_is_full(void **state)
{
	struct rlimit before, small = { .rlim_cur = 9001 };
	struct access_log *log = log_to(in_dir("full"));
	struct access_log_stats st;
	int whole, first, last;
	size_t len;
	char *text;

	getrlimit(RLIMIT_FSIZE, &before);
	small.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	add(log, 0, 97);
	st = settle(log);
	add(log, 97, 3);
	st = settle(log);
	setrlimit(RLIMIT_FSIZE, &before);
	text = content(in_dir("full"), &len);
	whole = lines_of(text, len, &first, &last);
	free(text);
	assert_in_range(len, 8001, 9001);
	assert_int_equal(st.lines, whole);
	assert_int_equal(st.dropped[ACCESS_LOG_FAILED], 100 - whole);
	add(log, 100, 7);
	st = settle(log);
	assert_int_equal(st.lines, whole + 7);
	text = content(in_dir("full"), &len);
	assert_int_equal(lines_of(text, len, &first, &last), whole + 7);
	free(text);
	access_log__free(log);
}

static void dev_full(void **state)
{
	struct access_log *log = log_to("/dev/full");
	struct access_log_stats st;

	add(log, 0, 101);
	st = settle(log);
	assert_int_equal(st.dropped[ACCESS_LOG_FAILED], 101);
	assert_int_equal(st.lines + st.bytes, 0);
	access_log__free(log);
}

static void refuses(const char *to, int want_errno)
{
	struct access_log_config c = { .to = to };
	char err[400] = "", want[400];

	assert_null(access_log__new(&c, err, sizeof(err)));
	assert_int_equal(errno, want_errno);
	snprintf(want, sizeof(want), "cannot write the access log to %s: %s", to,
		 strerror(want_errno));
	assert_string_equal(err, want);
}

static void what_cannot_be_opened(void **state)
{
	char longer[200] = "syslog:/";

	refuses(in_dir("none/log"), ENOENT);
	refuses(dir, EISDIR);
	memset(longer + 8, 'x', 150);
	refuses(longer, ENAMETOOLONG);
}

static void links(void **state)
{
	struct access_log *log;
	struct access_log_stats st;

	assert_int_equal(symlink("target", in_dir("link")), 0);
	log = log_with(
		(struct access_log_config){ .to = in_dir("link"), .max_bytes = 1, .backups = 1 });
	add(log, 0, 2);
	st = settle(log);
	assert_int_equal(st.rotations, 1); /* of what it leads to */
	holds(in_dir("target.1"), 0, 1);
	holds(in_dir("target"), 1, 1);
	access_log__free(log);
	if (lchown(in_dir("link"), 4711, 4711)) {
		print_message("skipped: links of somebody else, only root can make them\n");
		return;
	}
	refuses(in_dir("link"), ELOOP);
}

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
	struct span s = a_span();

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

/* ---- signals ---- */

/* The blocked signals of the thread that is called so; 0: there is none yet. */
static uint64_t blocked_signals(const char *thread)
{
	unsigned long long mask = 0;
	char path[300], line[100];
	struct dirent *d;
	DIR *tasks = opendir("/proc/self/task");
	bool found = false;

	while (!found && (d = readdir(tasks))) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", d->d_name);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f)) {
			found |= !strncmp(line, "Name:\t", 6) &&
				 !strncmp(line + 6, thread, strlen(thread));
			if (found && sscanf(line, "SigBlk: %llx", &mask) == 1)
				break;
		}
		if (f)
			fclose(f);
	}
	closedir(tasks);
	return found ? mask : 0;
}

/* None arrives at its thread, not even SIGPIPE: all but SIGKILL and SIGSTOP. */
static void signals_stay_away(void **state)
{
	struct access_log *log = log_to("/dev/null");
	uint64_t mask;

	WAIT_UNTIL((mask = blocked_signals("access-log")));
	assert_int_equal(mask & 0x7fffffff, 0x7ffbfeff);
	access_log__free(log);
}

static int set_up(void **state)
{
	umask(022);
	log__init(LOG_LEVEL_ERROR);
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[sizeof(dir) + 20];

	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_arrives),
		cmocka_unit_test(lines_appear_soon),
		cmocka_unit_test(rotates),
		cmocka_unit_test(rotates_within_a_batch),
		cmocka_unit_test(rotates_without_backups),
		cmocka_unit_test(cannot_rotate),
		cmocka_unit_test(reopens_when_asked),
		cmocka_unit_test(notices_a_moved_file),
		cmocka_unit_test(the_directory_vanishes),
		cmocka_unit_test(the_disk_is_full),
		cmocka_unit_test(dev_full),
		cmocka_unit_test(what_cannot_be_opened),
		cmocka_unit_test(links),
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
		cmocka_unit_test(signals_stay_away),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
