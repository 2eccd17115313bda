// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spool_internal.h"

#define KiB 1024ull
#define MiB (1024 * KiB)

static char dir[] = "/tmp/redeye-spool-XXXXXX";
static char sub[64]; /* the signal's folder */
static struct buf body;

static int set_up(void **state)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(sub, sizeof(sub), "%s/traces", dir);
	return 0;
}

static void remove_all(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char name[400];

	while (d && (e = readdir(d))) {
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.' && unlink(name) && errno == EISDIR)
			remove_all(name);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static int tear_down(void **state)
{
	remove_all(dir);
	buf__free(&body);
	return 0;
}

static struct spool *open_with(uint64_t limit, uint64_t segment)
{
	struct spool_config c = { .dir = dir,
				  .name = "traces",
				  .signal = 1,
				  .limit_bytes = limit,
				  .segment_bytes = segment };
	char err[200] = "";
	struct spool *s = spool__open(&c, err, sizeof(err));

	if (!s)
		fail_msg("%s", err);
	return s;
}

static struct spool *open_it(void)
{
	return open_with(MiB, 0);
}

/* Body n holds n % 97 bytes besides its number, and n % 5 + 1 items. */
static size_t make_body(unsigned int n, char *to)
{
	size_t len = sprintf(to, "%u:", n);

	memset(to + len, 'a' + n % 26, n % 97);
	return len + n % 97;
}

static uint32_t items_of(unsigned int n)
{
	return n % 5 + 1;
}

static void append(struct spool *s, unsigned int n)
{
	struct spool_frame f = { .encoding = 1 + n % 2, .items = items_of(n) };
	char text[128];

	assert_int_equal(spool__append(s, &f, text, make_body(n, text)), 0);
}

/* The number of the oldest body, which must be exactly what was appended; -1: empty. */
static int peek(struct spool *s)
{
	struct spool_frame f;
	char text[128];
	int n = spool__peek(s, &f, &body);

	if (n <= 0)
		return n - 1;
	n = atoi(body.p);
	assert_int_equal(body.len, make_body(n, text));
	assert_memory_equal(body.p, text, body.len);
	assert_int_equal(f.items, items_of(n));
	assert_int_equal(f.encoding, 1 + n % 2);
	return n;
}

static void expect(struct spool *s, unsigned int n)
{
	assert_int_equal(peek(s), n);
	spool__ack(s);
}

static void check_sums(const struct spool *s)
{
	const struct spool_stats *st = spool__stats(s);
	uint64_t sum = st->acked_items + st->pending_items;

	for (int i = 0; i < SPOOL_DROP__CNT; i++)
		sum += st->dropped_items[i];
	assert_int_equal(st->recovered_items + st->appended_items, sum);
}

static unsigned int count_segments(void)
{
	DIR *d = opendir(sub);
	struct dirent *e;
	unsigned int n = 0;

	while ((e = readdir(d)))
		n += strstr(e->d_name, ".seg") != NULL;
	closedir(d);
	return n;
}

/* The first segment by name, which is the oldest. */
static const char *first_segment(void)
{
	static char path[400];
	char best[256] = "~";
	DIR *d = opendir(sub);
	struct dirent *e;

	while ((e = readdir(d))) {
		if (strstr(e->d_name, ".seg") && strcmp(e->d_name, best) < 0)
			strcpy(best, e->d_name);
	}
	closedir(d);
	snprintf(path, sizeof(path), "%s/%s", sub, best);
	return path;
}

static void keeps_order(void **state)
{
	struct spool *s = open_with(MiB, 500);
	unsigned int out = 0;

	assert_int_equal(peek(s), -1);
	for (unsigned int n = 0; n < 211; n++) {
		append(s, n);
		if (n % 3 == 2)
			expect(s, out++);
		check_sums(s);
	}
	assert_true(count_segments() > 10);
	for (; out < 211; out++)
		expect(s, out);
	assert_int_equal(peek(s), -1);
	assert_int_equal(count_segments(), 0);
	assert_int_equal(spool__stats(s)->pending_items, 0);
	assert_int_equal(spool__stats(s)->bytes, 0);
	append(s, 5);
	expect(s, 5);
	check_sums(s);
	spool__close(s);
}

static void peek_repeats(void **state)
{
	struct spool *s = open_it();

	append(s, 1);
	append(s, 2);
	assert_int_equal(peek(s), 1);
	assert_int_equal(peek(s), 1);
	append(s, 3);
	assert_int_equal(peek(s), 1);
	spool__ack(s);
	spool__ack(s); /* once is enough */
	expect(s, 2);
	expect(s, 3);
	check_sums(s);
	spool__close(s);
}

/* What was acknowledged is not seen again, what was not is. */
static void survives_restarts(void **state)
{
	unsigned int in = 0, out = 0;

	for (int round = 0; round < 29; round++) {
		struct spool *s = open_with(MiB, 300);
		uint64_t pending = 0;

		for (unsigned int n = out; n < in; n++)
			pending += items_of(n);
		assert_int_equal(spool__stats(s)->recovered_items, pending);
		for (int i = 0; i < 7; i++)
			append(s, in++);
		for (int i = 0; i < round % 13; i++)
			expect(s, out++);
		assert_int_equal(peek(s), out);
		check_sums(s);
		assert_int_equal(spool__stats(s)->corrupt_cnt, 0);
		spool__close(s);
	}
}

/* A child is killed between two calls; the parent finds all that it had done. */
static void survives_sigkill(void **state)
{
	struct spool *s;
	pid_t pid = fork();

	if (!pid) {
		s = open_it();
		for (unsigned int n = 0; n < 101; n++)
			append(s, n);
		for (unsigned int n = 0; n < 53; n++)
			expect(s, n);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	s = open_it();
	for (unsigned int n = 53; n < 101; n++)
		expect(s, n);
	assert_int_equal(peek(s), -1);
	check_sums(s);
	spool__close(s);
}

static void keeps_its_limit(void **state)
{
	struct spool *s = open_with(4 * KiB, 512);
	unsigned int first;
	char large[4 * KiB];

	for (unsigned int n = 0; n < 503; n++) {
		append(s, n);
		assert_true(spool__stats(s)->bytes <= 4 * KiB);
		check_sums(s);
	}
	first = peek(s);
	assert_true(first > 400 && first < 503);
	append(s, 503);
	for (unsigned int n = 504; n < 600; n++)
		append(s, n);
	spool__ack(s); /* it went meanwhile: this must not hit another one */
	check_sums(s);
	assert_int_equal(spool__stats(s)->acked_items, 0);
	first = peek(s);
	for (unsigned int n = first; n < 600; n++)
		expect(s, n);
	assert_true(spool__stats(s)->dropped_items[SPOOL_DROP_FULL] > 0);
	memset(large, 'x', sizeof(large));
	assert_int_equal(spool__append(s, &(struct spool_frame){ 1, 1 }, large, sizeof(large)),
			 -EMSGSIZE);
	assert_int_equal(spool__append(s, &(struct spool_frame){ 1, 1 }, large,
				       sizeof(large) - sizeof(struct spool_head)),
			 0);
	check_sums(s);
	spool__close(s);
	s = open_with(2 * KiB, 512); /* a lower limit than what is there */
	assert_int_equal(spool__stats(s)->bytes, 0);
	check_sums(s);
	spool__close(s);
}

static void is_locked(void **state)
{
	struct spool_config c = { .dir = dir, .name = "traces", .limit_bytes = MiB };
	struct spool *s = open_it();
	char err[200];

	assert_null(spool__open(&c, err, sizeof(err)));
	assert_non_null(strstr(err, "another redeye"));
	c.name = "logs";
	spool__close(s);
	s = spool__open(&c, err, sizeof(err));
	assert_non_null(s);
	spool__close(s);
	spool__close(open_it());
}

static void expect_refused(const char *what)
{
	struct spool_config c = { .dir = dir, .name = "traces", .limit_bytes = MiB };
	char err[200] = "";

	assert_null(spool__open(&c, err, sizeof(err)));
	if (!strstr(err, what))
		fail_msg("'%s'", err);
}

static void refuses_unsafe_folders(void **state)
{
	char other[64];
	struct stat st;

	assert_int_equal(chmod(dir, 0770), 0);
	expect_refused("others may write");
	assert_int_equal(chmod(dir, 0707), 0);
	expect_refused("others may write");
	assert_int_equal(chmod(dir, 0755), 0);
	snprintf(other, sizeof(other), "%s/other", dir);
	assert_int_equal(mkdir(other, 0700), 0);
	assert_int_equal(symlink(other, sub), 0);
	expect_refused("a link or a file");
	assert_int_equal(unlink(sub), 0);
	assert_int_equal(close(open(sub, O_CREAT | O_WRONLY, 0600)), 0);
	expect_refused("a link or a file");
	assert_int_equal(unlink(sub), 0);
	if (!geteuid()) {
		assert_int_equal(mkdir(sub, 0700), 0);
		assert_int_equal(chown(sub, 65534, 65534), 0);
		expect_refused("or own it");
		assert_int_equal(rmdir(sub), 0);
	}
	spool__close(open_it());
	assert_int_equal(stat(sub, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void files_are_private(void **state)
{
	struct spool *s = open_it();
	struct stat st;

	append(s, 1);
	assert_int_equal(stat(first_segment(), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	spool__close(s);
}

static void leaves_foreign_files(void **state)
{
	static const char *const names[] = { "notes.txt", "0000000000000001-00000002.SEG",
					     "1-2.seg", "0000000000000001-00000002.seg.tmp",
					     "000000000000000G-00000002.seg" };
	struct spool *s = open_it();
	char path[200];

	append(s, 1);
	spool__close(s);
	for (size_t i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/%s", sub, names[i]);
		assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
	}
	snprintf(path, sizeof(path), "%s/0000000000000000-00000000.seg", sub);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	snprintf(path, sizeof(path), "%s/0000000000000000-00000001.seg", sub);
	assert_int_equal(mkdir(path, 0700), 0);
	s = open_it();
	assert_int_equal(spool__stats(s)->foreign_cnt, 7);
	expect(s, 1);
	assert_int_equal(peek(s), -1);
	spool__close(s);
	snprintf(path, sizeof(path), "%s/notes.txt", sub);
	assert_int_equal(access(path, F_OK), 0);
}

/* ---- damage: one segment with bodies 40 to 42, changed, and one with 43 to 45 ---- */

#define FIRST 40

struct segment_image {
	char bytes[1000];
	size_t len;
	size_t frames[4]; /* where they begin, and the end */
	char path[400];
};

static void write_image(const struct segment_image *m, size_t len)
{
	int fd = open(m->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	char position[100];

	snprintf(position, sizeof(position), "%s/position", sub);
	unlink(position); /* by which it would count as sent */
	assert_int_equal(write(fd, m->bytes, len), len);
	assert_int_equal(close(fd), 0);
}

static void make_image(struct segment_image *m)
{
	struct spool *s = open_it();
	char text[128];
	int fd;

	m->frames[0] = 0;
	for (int i = 0; i < 3; i++) {
		append(s, FIRST + i);
		m->frames[i + 1] =
			m->frames[i] + sizeof(struct spool_head) + make_body(FIRST + i, text);
	}
	spool__close(s);
	strcpy(m->path, first_segment());
	fd = open(m->path, O_RDONLY);
	m->len = read(fd, m->bytes, sizeof(m->bytes));
	close(fd);
	assert_int_equal(m->len, m->frames[3]);
}

/* Opens what is there, and reads: the bodies of `want`, then those that are appended now. */
static void expect_after_damage(const bool want[3], uint64_t corrupt_cnt)
{
	struct spool *s = open_it();
	const struct spool_stats *st = spool__stats(s);

	for (int i = 3; i < 6; i++)
		append(s, FIRST + i);
	for (int i = 0; i < 3; i++) {
		if (want[i])
			expect(s, FIRST + i);
	}
	for (int i = 3; i < 6; i++)
		expect(s, FIRST + i);
	assert_int_equal(peek(s), -1);
	check_sums(s);
	assert_int_equal(st->pending_items, 0);
	assert_int_equal(st->corrupt_cnt, corrupt_cnt);
	spool__close(s);
}

static void every_length(void **state)
{
	struct segment_image m;

	make_image(&m);
	for (size_t len = 0; len <= m.len; len++) {
		bool want[3], torn = true;

		for (int i = 0; i < 3; i++)
			want[i] = len >= m.frames[i + 1];
		for (int i = 0; i < 4; i++)
			torn = torn && len != m.frames[i];
		write_image(&m, len);
		expect_after_damage(want, torn);
	}
}

static void every_bit(void **state)
{
	struct segment_image m;

	make_image(&m);
	for (size_t bit = 0; bit < 8 * m.len; bit++) {
		bool want[3];

		for (int i = 0; i < 3; i++)
			want[i] = bit / 8 < m.frames[i] || bit / 8 >= m.frames[i + 1];
		m.bytes[bit / 8] ^= 1 << bit % 8;
		write_image(&m, m.len);
		expect_after_damage(want, 1);
		m.bytes[bit / 8] ^= 1 << bit % 8;
	}
}

static void shrinks_while_open(void **state)
{
	struct spool *s = open_it();

	for (unsigned int n = 0; n < 11; n++)
		append(s, n);
	expect(s, 0);
	expect(s, 1);
	assert_int_equal(truncate(first_segment(), 60), 0);
	memset(&s->reader.window, 0, sizeof(s->reader.window));
	s->reader.len = 0; /* as if it had been longer than the window */
	assert_int_equal(peek(s), -1);
	check_sums(s);
	assert_int_equal(spool__stats(s)->pending_items, 0);
	append(s, 12);
	expect(s, 12);
	spool__close(s);
}

/* A body that holds whole frames, as a stranger may send them: they are not found, even when
 * the head in front of them is damaged. */
static void frames_within_a_body(void **state)
{
	struct spool *s = open_it();
	struct segment_image m;
	struct stat st;
	char damage = 'X';
	int fd;

	spool__close(s);
	make_image(&m);
	s = open_it();
	for (int i = 0; i < 3; i++)
		expect(s, FIRST + i);
	assert_int_equal(spool__append(s, &(struct spool_frame){ 1, 7 }, m.bytes, m.len), 0);
	append(s, 5);
	spool__close(s);
	fd = open(first_segment(), O_WRONLY);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, &damage, 1, 0), 1);
	close(fd);
	s = open_it();
	expect(s, 5);
	assert_int_equal(peek(s), -1);
	assert_int_equal(spool__stats(s)->corrupt_cnt, 1);
	spool__close(s);
}

/* Without a position all that is there counts as unsent. */
static void position_is_lost(void **state)
{
	char path[100];
	struct spool *s = open_it();

	append(s, 1);
	append(s, 2);
	expect(s, 1);
	spool__close(s);
	snprintf(path, sizeof(path), "%s/position", sub);
	assert_int_equal(truncate(path, 10), 0);
	s = open_it();
	expect(s, 1);
	expect(s, 2);
	spool__close(s);
}

/* ---- no room ---- */

static void file_size_limit(void **state)
{
	struct rlimit old, tight;
	struct spool *s = open_it();
	struct spool_frame f = { 1, items_of(90) };
	char text[128];
	size_t len = make_body(90, text);
	int done = 0, err;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = (struct rlimit){ 1000, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	while (!(err = spool__append(s, &f, text, len)))
		done++;
	assert_int_equal(err, -ENOSPC); /* a part of it fitted, and was taken back */
	assert_int_equal(spool__append(s, &f, text, len), -ENOSPC);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_true(done >= 8);
	append(s, 91);
	for (int i = 0; i < done; i++)
		expect(s, 90);
	expect(s, 91);
	assert_int_equal(spool__stats(s)->corrupt_cnt, 0);
	check_sums(s);
	spool__close(s);
}

/* On a file system of 64 KiB that becomes full, then read-only. */
static int on_small_disk(void)
{
	struct spool_frame f = { 1, 1 };
	struct spool *s;
	static char large[9000];
	int n = 0, err;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "tmpfs", 0, "size=64k,mode=700"))
		return 77;
	s = open_it();
	while (!(err = spool__append(s, &f, large, sizeof(large))) && n < 99)
		n++;
	if (err != -ENOSPC || n < 4)
		return 1;
	if (spool__peek(s, &f, &body) != 1)
		return 2;
	if (mount("none", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) && errno != EBUSY)
		return 3;
	for (int i = 0; i < n; i++) {
		if (spool__peek(s, &f, &body) != 1 || body.len != sizeof(large))
			return 4;
		spool__ack(s);
	}
	check_sums(s);
	spool__close(s);
	buf__free(&body);
	return 0;
}

static void small_disk(void **state)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(on_small_disk());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("skipped: no file system can be mounted here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int on_read_only(void)
{
	struct spool_config c = { .dir = dir, .name = "traces", .limit_bytes = MiB };
	char err[200] = "";

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "tmpfs", MS_RDONLY, "mode=700"))
		return 77;
	return spool__open(&c, err, sizeof(err)) || !strstr(err, "Read-only");
}

static void read_only(void **state)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(on_read_only());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("skipped: no file system can be mounted here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(keeps_order),
		T(peek_repeats),
		T(survives_restarts),
		T(survives_sigkill),
		T(keeps_its_limit),
		T(is_locked),
		T(refuses_unsafe_folders),
		T(files_are_private),
		T(leaves_foreign_files),
		T(every_length),
		T(every_bit),
		T(shrinks_while_open),
		T(frames_within_a_body),
		T(position_is_lost),
		T(file_size_limit),
		T(small_disk),
		T(read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
