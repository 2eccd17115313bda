// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A look at every process: of a directory that looks like /proc; and of /proc and real
 * children, in the last group. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "procs_fixture.h"

/* ---- scan ---- */

/* Who is in /proc, and why each is a target: 0, it is none. */
static const struct {
	uint32_t pid, reasons;
} all_of_them[] = {
	{ 10, SELECT_PID },
	{ 5, SELECT_PID | SELECT_INHERITED }, /* its child, with a smaller pid */
	{ 4, SELECT_PID | SELECT_INHERITED },
	{ 6, SELECT_EXE },
	{ 9, SELECT_EXE },
	{ 30, SELECT_CGROUP },
	{ 31, SELECT_PORT },
	{ 32, SELECT_PORT | SELECT_INHERITED }, /* a backend, listens no more */
	{ 7, 0 },                               /* exclude wins */
	{ 8, 0 },                               /* over inheritance, too */
	{ 20, 0 },                              /* excluded by pid */
	{ 21, 0 },                              /* but its child is nobody's */
	{ 33, 0 },                              /* of 31, but another program */
	{ 34, 0 },                              /* excluded by port */
	{ 35, 0 },
	{ OWN, 0 },
	{ 36, 0 }, /* a thread of the kernel */
	{ 37, 0 }, /* a zombie */
	{ 38, 0 }, /* to 41: not to be read */
	{ 39, 0 },
	{ 40, 0 },
	{ 41, 0 },
	{ 4711, 0 },
};

static void bear_all(void)
{
	born(10, 1, "/bin/a");
	born(5, 10, "/bin/child");
	born(4, 5, "/bin/grandchild");
	born(6, 1, "/opt/server (deleted)");
	born(7, 1, "/opt/secret");
	born(8, 10, "/opt/secret");
	born(20, 10, "/opt/x");
	born(21, 20, "/bin/y");
	born(9, 1, "/usr/bin/redis");
	born(30, 1, "/bin/web");
	put(30, "cgroup", "2:cpu:/\n0::/web/one\n");
	born(31, 1, "/bin/postgres");
	listens(31);
	born(32, 31, "/bin/postgres");
	born(33, 31, "/bin/helper");
	born(34, 1, "/opt/sshd");
	put_link(34, "ns/net", "net:[1]");
	put_link(34, "fd/3", "socket:[22]");
	born(35, 1, "/bin/other");
	born(OWN, 1, "/opt/redeye");
	put_stat(36, "kworker", 'S', 2, 0x00200040, 50);
	put_link(36, "exe", "/opt/not");
	put_stat(37, "dead", 'Z', 1, 0, 50);
	put_link(37, "exe", "/opt/zombie");
	put(38, "comm", "no stat");
	put(39, "stat", "39 (hostile) R x");
	put(40, "stat", "");
	put(41, "stat", ")(");
}

static void test_scan(void **state)
{
	const struct selection include = { PIDS(10), PORTS(80), .exes = STRS("/opt/*", "redis"),
					   .cgroups = STRS("/web") };
	const struct selection exclude = { .exes = STRS("/opt/secret"), PIDS(20), PORTS(22) };
	struct procs *p;

	bear_all();
	p = make(&include, &exclude);
	byte[7] = 1; /* it listened before the scan came to it: the kernel side set this */
	assert_int_equal(procs__scan(p), 0);
	for (size_t i = 0; i < N(all_of_them); i++) {
		uint32_t pid = all_of_them[i].pid, got = reasons(p, pid);

		if (got != all_of_them[i].reasons)
			fail_msg("pid %u: %#x", pid, got);
		assert_int_equal(!procs__find(p, pid), !got);
	}
	assert_int_equal(procs__stats(p)->targets, 8);
	assert_int_equal(procs__stats(p)->known, 8);
	assert_int_equal(announced, 8);
	assert_string_equal(procs__find(p, 6)->exe, "/opt/server");
	assert_string_equal(name(p, 6), "server");
	assert_ptr_equal(procs__service(p, 31), procs__service(p, 32));

	/* Again: nothing is told twice. */
	assert_int_equal(procs__scan(p), 0);
	assert_int_equal(procs__stats(p)->targets, 8);
	assert_int_equal(announced, 8);
	procs__free(p);
}

static void test_scan_all(void **state)
{
	struct procs *p = make(&all, NULL);

	born(3, 1, "/bin/x");
	born(OWN, 1, "/bin/redeye");
	put_stat(36, "kworker", 'S', 2, 0x00200040, 50);
	put_stat(44, "secret) R (", 'S', 1, 0, 50); /* no exe: not ours to read */
	procs__scan(p);
	assert_int_equal(reasons(p, 3), SELECT_ALL);
	assert_int_equal(reasons(p, 44), SELECT_ALL);
	assert_string_equal(name(p, 44), "unknown_service:secret) R (");
	assert_int_equal(reasons(p, OWN), 0);
	assert_int_equal(reasons(p, 36), 0);
	procs__free(p);
}

/* Records were lost: ends, a reused pid, an exec, a byte left behind. */
static void test_recovery(void **state)
{
	struct procs *p = make(&by_exe, NULL);

	for (uint32_t pid = 3; pid <= 6; pid++)
		born(pid, 1, "/opt/x");
	born(7, 1, "/bin/y");
	procs__scan(p);
	assert_int_equal(procs__stats(p)->targets, 4);
	vanish(3);
	put_stat(4, "new", 'S', 1, 0, 77777);
	put_link(4, "exe", "/opt/new");
	put_link(5, "exe", "/bin/exec");
	byte[7] = 1;
	procs__scan(p);
	assert_int_equal(reasons(p, 3), 0);
	assert_true(procs__find(p, 3)->ended);
	assert_int_equal(reasons(p, 4), SELECT_EXE);
	assert_string_equal(name(p, 4), "new");
	assert_int_equal(reasons(p, 5), 0);
	assert_int_equal(reasons(p, 6), SELECT_EXE);
	assert_int_equal(reasons(p, 7), 0);
	procs__gc(p, now += 10 * SEC);
	assert_int_equal(procs__stats(p)->known, 2);
	procs__free(p);
}

/* A pid match must not go to the pid's next owner. */
static void test_reused_pid(void **state)
{
	struct procs *p;

	born(10, 1, "/bin/sh");
	born(11, 10, "/bin/sh");
	p = make(&by_pid, NULL);
	procs__scan(p);
	assert_int_equal(reasons(p, 11), SELECT_PID | SELECT_INHERITED);
	put_stat(11, "sh", 'S', 1, 0, 77777);
	procs__scan(p);
	assert_int_equal(reasons(p, 11), 0);
	event(p, RED_EV_FORK, 12, 10);
	event(p, RED_EV_EXIT, 12, 0);
	born(12, 1, "/bin/y");
	event(p, RED_EV_EXEC, 12, 0);
	assert_int_equal(reasons(p, 12), 0);
	procs__free(p);
}

/* Nor to that of a listed one, nor to its children; but a reload means who has it then. */
static void test_reused_listed_pid(void **state)
{
	struct procs *p;

	born(10, 1, "/bin/sh");
	born(11, 10, "/bin/sh");
	p = make(&by_pid, NULL);
	procs__scan(p);
	event(p, RED_EV_EXIT, 10, 0);
	put_stat(10, "y", 'S', 1, 0, 77777);
	born(12, 10, "/bin/y");
	event(p, RED_EV_EXEC, 10, 0);
	procs__scan(p);
	assert_int_equal(reasons(p, 10) | reasons(p, 12), 0);
	assert_int_equal(reasons(p, 11), SELECT_PID | SELECT_INHERITED);
	procs__reselect(p, &by_pid, NULL, NULL);
	assert_int_equal(reasons(p, 10), SELECT_PID);
	assert_int_equal(reasons(p, 12), SELECT_PID | SELECT_INHERITED);
	/* Whoever comes when nobody had it is not meant. */
	vanish(10);
	procs__reselect(p, &by_pid, NULL, NULL);
	born(10, 1, "/bin/z");
	event(p, RED_EV_EXEC, 10, 0);
	procs__scan(p);
	assert_int_equal(reasons(p, 10), 0);
	procs__free(p);
}

static void test_reused_excluded_pid(void **state)
{
	struct procs *p;

	born(9, 1, "/opt/x");
	born(10, 1, "/opt/x");
	p = make(&by_exe, &by_pid);
	procs__scan(p);
	assert_int_equal(reasons(p, 10), 0);
	put_stat(10, "x", 'S', 1, 0, 77777);
	event(p, RED_EV_EXEC, 10, 0);
	assert_int_equal(reasons(p, 10), SELECT_EXE);
	event(p, RED_EV_EXIT, 10, 0);
	event(p, RED_EV_FORK, 10, 9);
	assert_int_equal(reasons(p, 10), SELECT_EXE | SELECT_INHERITED);
	procs__free(p);
}

/* A process forks behind the scan's back, just before it becomes a target itself. */
static void fork_behind(uint32_t tgid)
{
	if (tgid == 900)
		born(3, 900, "/opt/child");
}

static void test_scan_race(void **state)
{
	struct procs *p = make(&by_exe, NULL);

	born(900, 1, "/opt/x");
	on_byte = fork_behind;
	procs__scan(p);
	assert_int_equal(reasons(p, 3), SELECT_EXE);
	procs__free(p);
}

static void end_before(uint32_t tgid)
{
	vanish(tgid);
}

/* It ends between the look and the byte: the byte must not stay. */
static void test_end_race(void **state)
{
	struct procs *p = make(&by_exe, NULL);

	born(3, 1, "/opt/x");
	on_byte = end_before;
	procs__scan(p);
	assert_int_equal(byte[3], 0);
	assert_int_equal(reasons(p, 3), 0);
	born(4, 1, "/opt/x");
	event(p, RED_EV_EXEC, 4, 0);
	assert_int_equal(byte[4], 0);
	assert_int_equal(procs__stats(p)->targets, 0);
	procs__free(p);
}

/* ---- real processes ---- */

static char exe_a[300], exe_b[300];

static void copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC),
	    out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	char buf[65536];
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, n), n);
	close(in);
	close(out);
}

/* a is a shell, b is cat: it answers, so that one knows that it runs. */
static int set_up_real(void **state)
{
	if (set_up(state))
		return -1;
	snprintf(exe_a, sizeof(exe_a), "%s/redeye-test-a", root);
	snprintf(exe_b, sizeof(exe_b), "%s/redeye-test-b", root);
	copy_file("/bin/sh", exe_a);
	copy_file("/bin/cat", exe_b);
	return 0;
}

struct child {
	pid_t pid;
	FILE *to, *from;
};

static void start(struct child *c, const char *exe, char *const argv[])
{
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	c->pid = fork();
	if (!c->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		setenv("OTEL_SERVICE_NAME", "real", 1);
		execv(exe, argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c->to = fdopen(in[1], "w");
	c->from = fdopen(out[0], "r");
}

static void say(struct child *c, const char *line)
{
	fprintf(c->to, "%s\n", line);
	fflush(c->to);
}

static void hear(struct child *c, char *line, size_t size)
{
	assert_non_null(fgets(line, size, c->from));
	line[strcspn(line, "\n")] = 0;
}

static void expect(struct child *c, const char *want)
{
	char line[256];

	hear(c, line, sizeof(line));
	assert_string_equal(line, want);
}

static void stop(struct child *c)
{
	fclose(c->to); /* every child here ends with its input */
	waitpid(c->pid, NULL, 0);
	fclose(c->from);
}

static void test_real_exec(void **state)
{
	const struct selection include = { .exes = { .v = (char *[]){ exe_b }, .n = 1 } };
	struct procs *p = make_at(NULL, &include, NULL, NULL, 0);
	struct child c;

	start(&c, exe_a, (char *[]){ "sh", "-c", "echo up; read x; exec \"$0\"", exe_b, NULL });
	expect(&c, "up");
	procs__scan(p);
	assert_int_equal(reasons(p, c.pid), 0);
	say(&c, "go");
	say(&c, "ping");
	expect(&c, "ping");
	event(p, RED_EV_EXEC, c.pid, 0);
	assert_int_equal(reasons(p, c.pid), SELECT_EXE);
	assert_string_equal(name(p, c.pid), "real");
	assert_string_equal(procs__find(p, c.pid)->exe, exe_b);
	assert_int_equal(procs__find(p, c.pid)->ppid, getpid());
	stop(&c);
	procs__scan(p); /* the EXIT record was lost */
	assert_int_equal(reasons(p, c.pid), 0);
	procs__free(p);
}

static void test_real_deleted(void **state)
{
	const struct selection include = { .exes = { .v = (char *[]){ exe_b }, .n = 1 } };
	struct procs *p = make_at(NULL, &include, NULL, NULL, 0);
	struct child c;

	start(&c, exe_b, (char *[]){ "cat", NULL });
	say(&c, "ping");
	expect(&c, "ping");
	unlink(exe_b);
	procs__scan(p);
	assert_int_equal(reasons(p, c.pid), SELECT_EXE);
	stop(&c);
	procs__free(p);
}

/* A child and its child were there before; another comes later. */
static void test_real_pid(void **state)
{
	uint32_t pid[1];
	const struct selection include = { .pids = pid, .n_pids = 1 };
	struct procs *p;
	struct child c;
	char line[64], err[128];
	uint32_t grandchild;

	start(&c, exe_a,
	      (char *[]){ "sh", "-c", "\"$0\" -c 'echo $$; exec \"$0\"' \"$1\"; :", exe_a, exe_b,
			  NULL });
	hear(&c, line, sizeof(line));
	grandchild = strtoul(line, NULL, 10);
	say(&c, "ping");
	expect(&c, "ping");
	pid[0] = c.pid;
	p = make_at(NULL, &include, NULL, NULL, 0);
	assert_int_equal(procs__check(p, err, sizeof(err)), 0);
	procs__scan(p);
	assert_int_equal(reasons(p, c.pid), SELECT_PID);
	assert_int_equal(reasons(p, grandchild), SELECT_PID | SELECT_INHERITED);
	assert_int_equal(procs__stats(p)->targets, 2);
	event(p, RED_EV_EXEC, grandchild, 0);
	assert_int_equal(reasons(p, grandchild), SELECT_PID | SELECT_INHERITED);
	stop(&c);
	assert_int_equal(procs__check(p, err, sizeof(err)), -ESRCH);
	procs__free(p);
}

static uint16_t listen_any(int flags, int *fd)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);

	*fd = socket(AF_INET, SOCK_STREAM | flags, 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(*fd, 8), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&sin, &len), 0);
	return ntohs(sin.sin_port);
}

static void test_real_port(void **state)
{
	uint16_t port[1];
	const struct selection include = { .ports = port, .n_ports = 1 };
	struct child holds, closed;
	struct procs *p;
	char sh[] = "echo up; read x; exec \"$0\"";
	char sh_closed[64];
	int fd;

	port[0] = listen_any(0, &fd);
	snprintf(sh_closed, sizeof(sh_closed), "echo up; read x; exec \"$0\" %d>&-", fd);
	start(&holds, exe_a, (char *[]){ "sh", "-c", sh, exe_b, NULL });
	start(&closed, exe_a, (char *[]){ "sh", "-c", sh_closed, exe_b, NULL });
	expect(&holds, "up");
	expect(&closed, "up");
	p = make_at(NULL, &include, NULL, NULL, 0);
	procs__scan(p);
	assert_int_equal(reasons(p, getpid()), SELECT_PORT);
	assert_int_equal(reasons(p, holds.pid), SELECT_PORT);
	assert_int_equal(reasons(p, closed.pid), SELECT_PORT);
	say(&holds, "go\nping");
	say(&closed, "go\nping");
	expect(&holds, "ping");
	expect(&closed, "ping");
	event(p, RED_EV_EXEC, holds.pid, 0);
	event(p, RED_EV_EXEC, closed.pid, 0);
	assert_int_equal(reasons(p, holds.pid), SELECT_PORT);
	assert_int_equal(reasons(p, closed.pid), 0);
	stop(&holds);
	stop(&closed);
	close(fd);
	procs__free(p);
}

static pid_t victim;

static void kill_victim(uint32_t tgid)
{
	if ((pid_t)tgid != victim)
		return;
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
}

/* A real process that ends between the look and the byte; then only a zombie is left. */
static void test_real_end_race(void **state)
{
	const struct selection include = { .exes = { .v = (char *[]){ exe_b }, .n = 1 } };
	struct procs *p = make_at(NULL, &include, NULL, NULL, 0);
	struct child c;
	siginfo_t info;

	start(&c, exe_b, (char *[]){ "cat", NULL });
	say(&c, "ping");
	expect(&c, "ping");
	victim = c.pid;
	on_byte = kill_victim;
	procs__scan(p);
	assert_int_equal(byte[c.pid], 0);
	assert_int_equal(reasons(p, c.pid), 0);
	stop(&c);
	on_byte = NULL;
	start(&c, exe_b, (char *[]){ "cat", NULL });
	fclose(c.to);
	assert_int_equal(waitid(P_PID, c.pid, &info, WEXITED | WNOWAIT), 0);
	event(p, RED_EV_EXEC, c.pid, 0);
	assert_int_equal(reasons(p, c.pid), 0);
	waitpid(c.pid, NULL, 0);
	fclose(c.from);
	procs__free(p);
}

#define REAL(f) cmocka_unit_test_setup_teardown(f, set_up_real, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_scan),
		TEST(test_scan_all),
		TEST(test_recovery),
		TEST(test_reused_pid),
		TEST(test_scan_race),
		TEST(test_end_race),
		TEST(test_reused_listed_pid),
		TEST(test_reused_excluded_pid),
		REAL(test_real_exec),
		REAL(test_real_deleted),
		REAL(test_real_pid),
		REAL(test_real_port),
		REAL(test_real_end_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
