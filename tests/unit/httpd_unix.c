// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The UNIX socket: whose it is, and who may. */
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "httpd_fixture.h"

static char dir[] = "/tmp/redeye-unix-XXXXXX", path[sizeof(dir) + 8];

static struct httpd *server(void)
{
	struct httpd *h = serve((struct httpd_config){ .max_connections = 2 });
	char err[200] = "";

	assert_int_equal(httpd__add_socket(h, path, err, sizeof(err)), 0);
	return h;
}

static int dial_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, path);
	if (!connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return fd;
	close(fd);
	return -1;
}

static void answers(void)
{
	int fd = dial_unix();

	assert_true(fd >= 0);
	say(fd, METRICS "\r\n");
	is(hear(fd), 200, one_point);
}

static bool there(void)
{
	return !access(path, F_OK);
}

static int files(void)
{
	char command[100];
	FILE *f;
	int n = -1;

	snprintf(command, sizeof(command), "ls -A %s | wc -l", dir);
	f = popen(command, "r");
	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	return n;
}

static void refused(int want, const char *why)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	char err[200] = "", sentence[200];

	snprintf(sentence, sizeof(sentence), "cannot listen on %s: %s", path, why);
	assert_int_equal(httpd__add_socket(h, path, err, sizeof(err)), want);
	assert_string_equal(err, sentence);
	expect(h, METRICS "\r\n", 200, one_point); /* goes on */
	httpd__free(h);
}

/* ---- the file ---- */

static void comes_and_goes(void **state)
{
	mode_t old = umask(0);
	struct httpd *h = server();
	struct stat st;

	umask(old);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(files(), 1);
	answers();
	expect(h, METRICS "\r\n", 200, one_point); /* on TCP as well */
	httpd__free(h);
	assert_int_equal(files(), 0);
}

static void without_tcp(void **state)
{
	struct httpd_config c = { .snapshot = snapshot };
	char err[200] = "";
	struct httpd *h = httpd__new(&c, err, sizeof(err));
	struct httpd_stats stats;

	app.err = 0;
	assert_non_null(h);
	assert_int_equal(httpd__port(h), 0);
	assert_int_equal(httpd__add_socket(h, path, err, sizeof(err)), 0);
	answers();
	httpd__stats(h, &stats);
	assert_int_equal(stats.scrapes[PROM_TEXT_0_0_4], 1);
	httpd__free(h);
	httpd__free(httpd__new(&c, err, sizeof(err)));
}

static void leave_stale(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd); /* as when it is killed */
	assert_true(there());
}

static void stale_is_replaced(void **state)
{
	struct httpd *h;

	leave_stale();
	h = server();
	answers();
	assert_int_equal(files(), 1);
	httpd__free(h);
	assert_false(there());
}

static void another_keeps_its_own(void **state)
{
	struct httpd *h = server();

	refused(-EADDRINUSE, "another process serves there");
	answers();
	assert_int_equal(files(), 1);
	httpd__free(h);
	assert_false(there());
}

/* Living, but with a queue that is full. */
static void a_busy_one_is_not_stale(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), waiting[8], n = 0;

	strcpy(a.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 0), 0);
	for (; n < 8; n++) {
		waiting[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(waiting[n], (struct sockaddr *)&a, sizeof(a)))
			break;
	}
	assert_true(n < 8);
	refused(-EADDRINUSE, "another process serves there");
	for (; n >= 0; n--)
		close(waiting[n]);
	close(fd);
	unlink(path);
}

static void other_files_are_left(void **state)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0644);

	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	refused(-ENOTSOCK, "there is a file that is no socket");
	assert_true(there());
	unlink(path);
	assert_int_equal(symlink("/nonexistent", path), 0);
	refused(-ENOTSOCK, "there is a file that is no socket");
	unlink(path);
	assert_int_equal(files(), 0);
}

static void only_our_own_is_removed(void **state)
{
	struct httpd *h = server();
	struct httpd *other;

	unlink(path);
	other = server();
	httpd__free(h);
	assert_true(there());
	answers();
	httpd__free(other);
	assert_false(there());
}

static void places_that_are_none(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	char err[200] = "", text[200];

	assert_int_equal(httpd__add_socket(h, "/nonexistent/r.sock", err, sizeof(err)), -ENOENT);
	assert_string_equal(err, "cannot listen on /nonexistent/r.sock: No such file or directory");
	memset(text, 'a', sizeof(text) - 1);
	text[199] = '\0';
	assert_int_equal(httpd__add_socket(h, text, err, sizeof(err)), -ENAMETOOLONG);
	httpd__free(h);
}

/* /run is empty after each boot. */
static void a_folder_of_run_is_made(void **state)
{
	struct httpd *h;
	char err[200] = "", folder[64], at[80];

	if (access("/run", W_OK)) {
		print_message("skipped: /run cannot be written\n");
		skip();
	}
	snprintf(folder, sizeof(folder), "/run/redeye-test-%d", getpid());
	snprintf(at, sizeof(at), "%s/r.sock", folder);
	h = serve((struct httpd_config){ 0 });
	assert_int_equal(httpd__add_socket(h, at, err, sizeof(err)), 0);
	assert_int_equal(access(at, F_OK), 0);
	httpd__free(h);
	assert_int_not_equal(access(folder, F_OK), 0);
}

/* ---- who may ---- */

static char token[sizeof(dir) + 8];

static void needs_no_token_but_for_changes(void **state)
{
	FILE *f = fopen(token, "w");
	char err[200] = "";
	struct httpd *h;
	int fd;

	fputs("s3cret", f);
	fclose(f);
	h = serve((struct httpd_config){ .token_file = token });
	assert_int_equal(httpd__add_socket(h, path, err, sizeof(err)), 0);
	expect(h, METRICS "\r\n", 401, "a bearer token is needed\n");
	answers();
	fd = dial_unix();
	say(fd, GET("/"));
	is(hear(fd), 200, "/metrics ");
	fd = dial_unix();
	say(fd, GET("/admin/log-level"));
	is(hear(fd), 401, "a bearer token is needed\n");
	httpd__free(h);
	unlink(token);
}

/* Those of TCP have places of their own. */
static void full_on_tcp_is_not_full_here(void **state)
{
	struct httpd *h = server();
	int silent[2] = { dial(h), dial(h) };
	double start = seconds();

	say(silent[0], "G");
	say(silent[1], "G");
	for (int i = 0; i < 20; i++)
		answers();
	assert_true(seconds() - start < 1);
	httpd__free(h);
	close(silent[0]);
	close(silent[1]);
}

/* And their answers that wait another budget. */
static void answers_that_wait_on_tcp_wait_there(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .max_bytes = 1 });
	int fd = dial(h), small = 4096;
	char err[200] = "";

	assert_int_equal(httpd__add_socket(h, path, err, sizeof(err)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	app.points = 200003;
	say(fd, METRICS "\r\n");
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 30000), 1);
	app.points = 1;
	expect(h, METRICS "\r\n", 503, "slow clients");
	answers();
	httpd__free(h);
	close(fd);
}

static int set_up(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/r.sock", dir);
	snprintf(token, sizeof(token), "%s/token", dir);
	return 0;
}

static int tear_down(void **state)
{
	return rmdir(dir); /* nothing is left behind */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_and_goes),
		cmocka_unit_test(without_tcp),
		cmocka_unit_test(stale_is_replaced),
		cmocka_unit_test(another_keeps_its_own),
		cmocka_unit_test(a_busy_one_is_not_stale),
		cmocka_unit_test(other_files_are_left),
		cmocka_unit_test(only_our_own_is_removed),
		cmocka_unit_test(places_that_are_none),
		cmocka_unit_test(a_folder_of_run_is_made),
		cmocka_unit_test(needs_no_token_but_for_changes),
		cmocka_unit_test(full_on_tcp_is_not_full_here),
		cmocka_unit_test(answers_that_wait_on_tcp_wait_there),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
