// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The access log in files. */
#include "access_log_fixture.h"

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
		cmocka_unit_test(signals_stay_away),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
