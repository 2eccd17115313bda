// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "recording.h"
#include "wire.h"

static char dir[] = "/tmp/redeye-recording-XXXXXX", file[64], other[64];

static int set_up(void **state)
{
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/a.red", dir);
	snprintf(other, sizeof(other), "%s/b", dir);
	return 0;
}

static int tear_down(void **state)
{
	unlink(file);
	unlink(other);
	return rmdir(dir);
}

/* ---- records ------------------------------------------------------------------------------- */

static void check_lengths(void **state)
{
	static const struct {
		uint16_t kind;
		size_t size;
	} fixed[] = {
		{ RED_EV_OPEN, 88 },     { RED_EV_EOF, 80 },    { RED_EV_CLOSE, 80 },
		{ RED_EV_PROGRESS, 80 }, { RED_EV_FORK, 40 },   { RED_EV_EXIT, 40 },
		{ RED_EV_LISTEN, 40 },   { RED_EV_DATA, 88 },   { RED_EV_CGROUP, 40 },
		{ RED_EV_PROCESS, 32 },  { RED_EV_INJECT, 80 },
	};
	uint64_t buf[32] = {};
	struct red_hdr *h = (void *)buf;
	size_t i, size;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		for (size = 0; size <= sizeof(buf); size++) {
			h->kind = fixed[i].kind;
			h->len = size;
			assert_int_equal(record__check(buf, size),
					 size == fixed[i].size ? 0 : -EBADMSG);
		}
		h->len = fixed[i].size;
		assert_int_equal(record__check(buf, fixed[i].size - 1), -EBADMSG);
		assert_int_equal(record__check(buf, fixed[i].size + 1), -EBADMSG);
	}
	for (i = 0; i < 70; i++) { /* unknown kinds */
		h->kind = i;
		h->len = 16;
		assert_int_equal(record__check(buf, 16), -EBADMSG);
	}
}

static void check_data(void **state)
{
	struct {
		struct red_ev_data ev;
		uint8_t bytes[RED_CAP_MAX + 8];
	} r = { .ev.h.kind = RED_EV_DATA };

	r.ev.cap_len = r.ev.len = RED_CAP_MAX;
	r.ev.h.len = sizeof(r.ev) + RED_CAP_MAX;
	assert_int_equal(record__check(&r, r.ev.h.len), 0);
	r.ev.len--; /* more captured than moved */
	assert_int_equal(record__check(&r, r.ev.h.len), -EBADMSG);
	r.ev.len = UINT32_MAX;
	assert_int_equal(record__check(&r, r.ev.h.len), 0);
	r.ev.dir = 2;
	assert_int_equal(record__check(&r, r.ev.h.len), -EBADMSG);
	r.ev.dir = 1;
	r.ev.cap_len++;
	assert_int_equal(record__check(&r, r.ev.h.len), -EBADMSG);
	r.ev.h.len++;
	assert_int_equal(record__check(&r, r.ev.h.len), -EBADMSG);
}

static void check_pieces(void **state)
{
	struct {
		struct red_ev_data ev;
		struct red_piece a;
		char x[8];
		struct red_piece b;
	} r = {
		.ev = { .h = { .kind = RED_EV_DATA, .len = sizeof(r) },
			.len = 8 + 100,
			.cap_len = sizeof(r) - sizeof(r.ev),
			.flags = RED_DATA_PIECES },
		.a = { .len = 8, .skip = 60 },
		.b = { .len = 0, .skip = 40 },
	};

	assert_int_equal(record__check(&r, sizeof(r)), 0);
	r.ev.len++; /* they do not make up the call */
	assert_int_equal(record__check(&r, sizeof(r)), -EBADMSG);
	r.ev.len = r.a.skip = UINT32_MAX;
	assert_int_equal(record__check(&r, sizeof(r)), -EBADMSG); /* nor modulo 2^32 */
	r.ev.len = 8 + 100;
	r.a.skip = 60;
	r.b.len = 1; /* behind the record */
	assert_int_equal(record__check(&r, sizeof(r)), -EBADMSG);
	r.b.len = 0;
	r.a.len = 9; /* then the second is not whole */
	assert_int_equal(record__check(&r, sizeof(r)), -EBADMSG);
	r.ev.cap_len = 0; /* and no piece at all is no byte */
	r.ev.h.len = sizeof(r.ev);
	assert_int_equal(record__check(&r, r.ev.h.len), -EBADMSG);
	r.ev.len = 0;
	assert_int_equal(record__check(&r, r.ev.h.len), 0);
}

static void check_exec(void **state)
{
	struct {
		struct red_ev_proc ev;
		struct red_exec_text text;
		char strings[RED_EXEC_ARGS + RED_EXEC_ENV + 8];
	} r = { .ev.h = { .kind = RED_EV_EXEC, .len = 40 } };
	size_t size;

	for (size = 39; size < 50; size++) {
		r.ev.h.len = size;
		assert_int_equal(record__check(&r, size), size == 40 || size == 48 ? 0 : -EBADMSG);
	}
	r.text.args_len = RED_EXEC_ARGS;
	r.text.env_len = RED_EXEC_ENV;
	r.ev.h.len = size = 48 + RED_EXEC_ARGS + RED_EXEC_ENV;
	assert_int_equal(record__check(&r, size), 0);
	r.text.args_len--;
	assert_int_equal(record__check(&r, size), -EBADMSG);
	r.text.env_len++;
	assert_int_equal(record__check(&r, size), -EBADMSG);
}

static void check_process(void **state)
{
	struct {
		struct red_ev_process ev;
		char strings[16];
	} r = { .ev = { .h = { .kind = RED_EV_PROCESS, .len = 42 },
			.service_len = 4,
			.namespace_len = 3,
			.instance_len = 2,
			.exe_len = 1 } };

	assert_int_equal(record__check(&r, 42), 0);
	r.ev.exe_len = 2;
	assert_int_equal(record__check(&r, 42), -EBADMSG);
	r.ev.exe_len = 65535;
	assert_int_equal(record__check(&r, 42), -EBADMSG);
}

/* ---- files ---------------------------------------------------------------------------------- */

static void add(void *arg, const void *record, size_t size)
{
	assert_int_equal(recording_writer__add(arg, record, size), 0);
}

/* A process was started with a secret: not in the file. */
static void exec_without_words(void **state)
{
	struct {
		struct red_ev_proc ev;
		struct red_exec_text text;
		char env[16];
	} r = { .ev = { .h = { .kind = RED_EV_EXEC, .len = sizeof(r) }, .tgid = 7 },
		.text.env_len = 16,
		.env = "TOKEN=hush-hush" };
	struct recording_writer *out = recording_writer__new(file);
	struct recording_reader *in;
	const struct red_hdr *h;
	char err[128] = "";

	assert_int_equal(record__check(&r, sizeof(r)), 0);
	assert_int_equal(recording_writer__add(out, &r, sizeof(r)), 0);
	assert_int_equal(recording_writer__free(out), 0);
	in = recording_reader__new(file, err, sizeof(err));
	assert_int_equal(recording_reader__next(in, &h, err, sizeof(err)), 1);
	assert_int_equal(h->len, sizeof(r.ev));
	assert_int_equal(((const struct red_ev_proc *)h)->tgid, 7);
	assert_int_equal(recording_reader__next(in, &h, err, sizeof(err)), 0);
	recording_reader__free(in);
}

/* OPEN, two DATA whose sizes are no multiples of 8, CLOSE. */
static void write_small(void)
{
	struct recording_writer *out = recording_writer__new(file);
	struct wire w;

	assert_non_null(out);
	wire_init(&w, add, out);
	wire_call(&w, RED_DIR_IN, "GET / HTTP/1.1\r\n\r\n", 18, 100);
	wire_call(&w, RED_DIR_OUT, "HTTP/1.1 204 No Content\r\n\r\n", 27, 200);
	wire_state(&w, RED_EV_CLOSE, 0, RED_STATE_LOCAL, 300);
	assert_int_equal(recording_writer__bytes(out), 32 + 88 + 112 + 120 + 80);
	assert_int_equal(recording_writer__free(out), 0);
}

static size_t slurp(uint8_t *buf, size_t size)
{
	FILE *f = fopen(file, "r");
	size_t n = fread(buf, 1, size, f);

	fclose(f);
	return n;
}

static void spill(const uint8_t *buf, size_t n)
{
	FILE *f = fopen(file, "w");

	assert_int_equal(fwrite(buf, 1, n, f), n);
	fclose(f);
}

/* How many records can be read; *rc and err as the reader left them, which says why there are
 * not more. */
static int count(int *rc, char *err, size_t err_size)
{
	struct recording_reader *r;
	const struct red_hdr *h;
	int n = 0;

	err[0] = 0;
	errno = 0;
	r = recording_reader__new(file, err, err_size);
	if (!r) {
		*rc = -errno;
		return 0;
	}
	while ((*rc = recording_reader__next(r, &h, err, err_size)) > 0) {
		assert_int_equal(record__check(h, h->len), 0);
		n++;
	}
	recording_reader__free(r);
	return n;
}

static void round_trip(void **state)
{
	static const uint16_t kinds[] = { RED_EV_OPEN, RED_EV_DATA, RED_EV_DATA, RED_EV_CLOSE };
	const struct recording_header *head;
	struct recording_reader *r;
	const struct red_hdr *h;
	char err[128];
	int i;

	write_small();
	r = recording_reader__new(file, err, sizeof(err));
	assert_non_null(r);
	head = recording_reader__header(r);
	assert_memory_equal(head->magic, "REDEYE\r\n", 8);
	assert_int_equal(head->abi_version, RED_ABI_VERSION);
	assert_true(head->created_unix_ns > head->unix_minus_mono_ns);
	for (i = 0; i < 4; i++) {
		assert_int_equal(recording_reader__next(r, &h, err, sizeof(err)), 1);
		assert_int_equal(h->kind, kinds[i]);
		if (i == 0) /* no kernel address */
			assert_int_equal(((const struct red_ev_open *)h)->sk, 0);
		if (i == 1)
			assert_memory_equal((const struct red_ev_data *)h + 1,
					    "GET / HTTP/1.1\r\n\r\n", 18);
	}
	assert_int_equal(recording_reader__next(r, &h, err, sizeof(err)), 0);
	assert_int_equal(recording_reader__next(r, &h, err, sizeof(err)), 0);
	recording_reader__free(r);
	recording_reader__free(NULL);
	assert_int_equal(recording_writer__free(NULL), 0);
}

static void truncated(void **state)
{
	/* where each record begins, and where its bytes end before the padding */
	static const size_t begins[] = { 32, 120, 232, 352, 432 }, ends[] = { 120, 226, 347, 432 };
	uint8_t all[512];
	char err[128];
	size_t size, n;
	int rc, whole;

	write_small();
	size = slurp(all, sizeof(all));
	assert_int_equal(size, begins[4]);
	for (n = 0; n <= size; n++) {
		spill(all, n);
		for (whole = 0; whole < 4 && n >= ends[whole];)
			whole++;
		assert_int_equal(count(&rc, err, sizeof(err)), whole);
		assert_int_equal(rc, n >= 32 && n <= begins[whole] ? 0 : -EBADMSG);
		assert_true(!rc || err[0]);
	}
}

static void corrupted(void **state)
{
	uint8_t all[512];
	char err[128];
	size_t size, at;
	int rc, bit;

	write_small();
	size = slurp(all, sizeof(all));
	for (at = 0; at < size; at++) {
		for (bit = 0; bit < 8; bit++) {
			all[at] ^= 1 << bit;
			spill(all, size);
			count(&rc, err, sizeof(err));
			assert_true(rc == 0 || err[0]);
			assert_true(at >= 8 || rc == -EBADMSG); /* the magic */
			all[at] ^= 1 << bit;
		}
	}
	all[8]++;
	spill(all, size);
	assert_int_equal(count(&rc, err, sizeof(err)), 0);
	assert_int_equal(rc, -EPROTO);
	assert_string_equal(err, "recording format 2, this redeye reads 1");
}

static void is_private(void **state)
{
	struct recording_writer *w;
	struct stat st;
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(write(fd, "old", 3), 3);
	close(fd);
	w = recording_writer__new(file); /* our own: taken over */
	assert_non_null(w);
	assert_int_equal(recording_writer__free(w), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 32);
}

static void refuses(int want)
{
	errno = 0;
	assert_null(recording_writer__new(file));
	assert_int_equal(errno, want);
	unlink(file);
}

static void never_over_something_else(void **state)
{
	struct stat st;
	int fd;

	unlink(file);
	fd = open(other, O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, "keep", 4), 4);
	close(fd);
	assert_int_equal(symlink(other, file), 0);
	refuses(ELOOP);
	assert_int_equal(link(other, file), 0);
	refuses(EEXIST);
	assert_int_equal(mkfifo(file, 0600), 0);
	refuses(ENXIO); /* and does not wait for its reader */
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, 4);
	if (geteuid() == 0) {
		assert_int_equal(rename(other, file), 0);
		assert_int_equal(chown(file, 65534, 65534), 0);
		refuses(EEXIST);
	}
}

static void no_recording(void **state)
{
	char err[128] = "";

	assert_null(recording_reader__new("/nonexistent", err, sizeof(err)));
	assert_string_equal(err, "No such file or directory");
	assert_null(recording_reader__new("/", err, sizeof(err)));
	assert_string_equal(err, "Invalid argument");
	spill((const uint8_t *)"", 0);
	assert_null(recording_reader__new(file, err, sizeof(err)));
	assert_string_equal(err, "this is no recording of redeye");
}

static void full_disk(void **state)
{
	struct recording_writer *w;
	struct red_ev_proc ev = { .h = { .len = sizeof(ev), .kind = RED_EV_EXIT } };
	int i, err = 0;

	if (access("/dev/full", W_OK)) {
		print_message("skipped: no /dev/full here\n");
		skip();
	}
	assert_null(recording_writer__new("/dev/full")); /* no regular file */
	assert_int_equal(errno, EINVAL);
	w = recording_writer__new(file);
	for (i = 0; i < 10000 && !err; i++)
		err = recording_writer__add(w, &ev, sizeof(ev));
	assert_int_equal(err, 0);
	assert_int_equal(recording_writer__bytes(w), 32 + 10000 * 40);
	assert_int_equal(recording_writer__free(w), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_lengths),
		cmocka_unit_test(check_data),
		cmocka_unit_test(check_pieces),
		cmocka_unit_test(check_exec),
		cmocka_unit_test(check_process),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(truncated),
		cmocka_unit_test(corrupted),
		cmocka_unit_test(exec_without_words),
		cmocka_unit_test(is_private),
		cmocka_unit_test(never_over_something_else),
		cmocka_unit_test(no_recording),
		cmocka_unit_test(full_disk),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
