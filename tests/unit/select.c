// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include "fake_proc.h"
#include "options.h"
#include "procfs.h"
#include "select.h"
#include "strs.h"

/* ---- globs ---- */

static void test_exe(void **state)
{
	static const struct {
		const char *glob, *exe;
		bool match;
	} t[] = {
		{ "/usr/sbin/nginx", "/usr/sbin/nginx", true },
		{ "nginx", "/usr/sbin/nginx", true },
		{ "ngin", "/usr/sbin/nginx", false },
		{ "nginx", "/opt/nginx/bin/worker", false },
		{ "ng*", "/usr/sbin/nginx", true },
		{ "*nginx", "/usr/sbin/nginx", true },
		{ "/usr/*", "/usr/sbin/nginx", true },
		{ "/usr/?bin/nginx", "/usr/sbin/nginx", true },
		{ "sbin/nginx", "/usr/sbin/nginx", false },
		{ "*/sbin/[mn]ginx", "/usr/sbin/nginx", true },
		{ "python3.[0-9]*", "/usr/bin/python3.11", true },
		{ "*", "/x", true },
		{ "*", "", false },
		{ "", "/x", false },
		{ "memfd:x", "/memfd:x", true },
		{ "\xff*", "/bin/\xff\xfe", true },
	};

	for (size_t i = 0; i < N(t); i++) {
		if (select__exe_matches(t[i].glob, t[i].exe) != t[i].match)
			fail_msg("exe %s on %s", t[i].glob, t[i].exe);
	}
}

#define V2 "0::/system.slice/nginx.service\n"
#define V1                                                                                         \
	"9:name=systemd:/sys/one\n8:pids:/\n4:memory:/docker/abc\n2:cpu,cpuacct:/cpu:odd/x\n"      \
	"0::/v2/leaf\n"

static void test_cgroup(void **state)
{
	static const struct {
		const char *arg, *cgroups;
		bool match;
	} t[] = {
		{ "/system.slice/nginx.service", V2, true },
		{ "/system.slice/nginx.service/", V2, true },
		{ "system.slice/nginx.service", V2, true },
		{ "/system.slice", V2, true },
		{ "/system.slic", V2, false },
		{ "/system.slice/nginx.service/x", V2, false },
		{ "/nginx.service", V2, false },
		{ "/", V2, true },
		{ "*/nginx.service", V2, true },
		{ "*nginx*", V2, true },
		{ "/system.sl?ce", V2, true },
		{ "/system*.x", V2, false },
		{ "/sys/fs/cgroup/system.slice", V2, true },
		{ "/sys/fs/cgroup/system.slice/", V2, true },
		{ "/sys/fs/cgroup/unified/system.slice/nginx.service", V2, true },
		{ "/sys/fs/cgroup/*/nginx.service", V2, true },
		{ "/sys/fs/cgroup", V2, true },
		{ "/sys/fs/cgroups/system.slice", V2, false },
		{ "/sys/fs/cgroup/memory/docker", V1, true },
		{ "/sys/fs/cgroup/memory/docker/abc", V1, true },
		{ "/sys/fs/cgroup/memory/docker/ab", V1, false },
		{ "/sys/fs/cgroup/memory/docker/a*", V1, true },
		{ "/sys/fs/cgroup/memor/docker/abc", V1, false },
		{ "/sys/fs/cgroup/docker/abc", V1, false },
		{ "/sys/fs/cgroup/cpu,cpuacct/cpu:odd", V1, true },
		{ "/sys/fs/cgroup/cpu/cpu:odd", V1, true },
		{ "/sys/fs/cgroup/cpuacct/cpu:odd/x", V1, true },
		{ "/sys/fs/cgroup/systemd/sys/one", V1, true },
		{ "/sys/fs/cgroup/unified/v2", V1, true },
		{ "/sys/fs/cgroup/v2/leaf", V1, true },
		{ "/sys/fs/cgroup/memory/v2/leaf", V1, false },
		{ "/docker", V1, true },
		{ "/docker/abc", V1, true },
		{ "/cpu:odd", V1, true },
		{ "/v2", V1, true },
		{ "/v2/leaf/below", V1, false },
		{ "*", "", false },
		{ "*", "garbage\n\n0\n:\n", false },
		{ "/a", "0::/b\n0::/a", true },
	};

	for (size_t i = 0; i < N(t); i++) {
		if (select__cgroup_matches(t[i].arg, t[i].cgroups) != t[i].match)
			fail_msg("cgroup %s on %s", t[i].arg, t[i].cgroups);
	}
}

/* Every prefix is read without leaving it, and a line too long is passed over. */
static void test_cgroup_hostile(void **state)
{
	char *big = malloc(3 * PROCFS_CGROUP_MAX);

	for (size_t n = 0; n <= strlen(V1); n++) {
		char *cut = strndup(V1, n);

		select__cgroup_matches("/sys/fs/cgroup/memory/docker/abc", cut);
		select__cgroup_matches("*x", cut);
		free(cut);
	}
	memset(big, 'a', 3 * PROCFS_CGROUP_MAX);
	strcpy(big + 2 * PROCFS_CGROUP_MAX, "\n0::/yes\n");
	memcpy(big, "0::/", 4);
	assert_true(select__cgroup_matches("/yes", big));
	assert_false(select__cgroup_matches("/a*", big));
	free(big);
}

/* ---- rules ---- */

static uint32_t pids[] = { 7, 10 };
static uint16_t ports[] = { 80, 443 };
static const struct selection by_pid = { .pids = pids, .n_pids = 2 };
static const struct selection by_port = { .ports = ports, .n_ports = 2 };
static const struct selection by_exe = { .exes = STRS("nginx", "/opt/*") };
static const struct selection by_cgroup = { .cgroups = STRS("/a", "*b") };
static const struct selection by_all = { .all = true };
static const struct selection by_any = { .pids = pids,
					 .n_pids = 2,
					 .ports = ports,
					 .n_ports = 2,
					 .exes = STRS("nginx"),
					 .cgroups = STRS("/a"),
					 .all = true };

static void test_match(void **state)
{
	static const struct {
		const struct selection *s;
		struct select_facts f;
		uint32_t reasons;
	} t[] = {
		{ &by_pid, { .tgid = 7 }, SELECT_PID },
		{ &by_pid, { .tgid = 7, .root = 10 }, SELECT_PID },
		{ &by_pid, { .tgid = 8 }, 0 },
		{ &by_pid, { .tgid = 8, .root = 10 }, SELECT_PID | SELECT_INHERITED },
		{ &by_pid, { .tgid = 8, .root = 9 }, 0 },
		{ &by_port, { .port = 443 }, SELECT_PORT },
		{ &by_port,
		  { .port = 443, .port_inherited = true },
		  SELECT_PORT | SELECT_INHERITED },
		{ &by_port, { .port = 81 }, 0 },
		{ &by_port, { .port = 0 }, 0 },
		{ &by_exe, { .exe = "/sbin/nginx" }, SELECT_EXE },
		{ &by_exe, { .exe = "/opt/x/y" }, SELECT_EXE },
		{ &by_exe, { .exe = "/bin/x" }, 0 },
		{ &by_cgroup, { .cgroups = "0::/a/x\n" }, SELECT_CGROUP },
		{ &by_cgroup, { .cgroups = "1:cpu:/\n0::/x/b\n" }, SELECT_CGROUP },
		{ &by_cgroup, { .cgroups = "0::/x\n" }, 0 },
		{ &by_all, { .tgid = 1 }, SELECT_ALL },
		{ &by_any,
		  { .tgid = 7, .port = 80, .exe = "/nginx", .cgroups = "0::/a\n" },
		  SELECT_PID | SELECT_PORT | SELECT_EXE | SELECT_CGROUP | SELECT_ALL },
		{ &by_any, { .tgid = 1 }, SELECT_ALL },
	};

	for (size_t i = 0; i < N(t); i++) {
		struct select_facts f = t[i].f;

		f.exe = f.exe ? f.exe : "";
		f.cgroups = f.cgroups ? f.cgroups : "";
		if (select__match(t[i].s, &f) != t[i].reasons)
			fail_msg("row %zu: %#x", i, select__match(t[i].s, &f));
	}
}

/* ---- listening sockets, in a tree that looks like /proc ---- */

static void test_listeners(void **state)
{
	struct procfs fs;
	struct listeners *l;
	static const struct {
		uint32_t pid;
		uint16_t include, exclude;
	} t[] = { { 1, 80, 0 }, { 2, 443, 0 }, { 3, 0, 0 }, { 4, 0, 0 },  { 5, 0, 22 },
		  { 6, 0, 0 },  { 7, 0, 0 },   { 8, 0, 0 }, { 9, 80, 0 }, { 10, 0, 0 } };
	static uint16_t ssh[] = { 22 };
	const struct selection exclude = { .ports = ssh, .n_ports = 1 };

	put(1, "net/tcp",
	    NET_HEAD NET_ROW("0100007F", "0050", "0A", "101") "hostile\n" NET_ROW(
		    "0100007F", "0016", "0A", "103") NET_ROW("0100007F", "1F90", "0A", "104")
		    NET_ROW("0100007F", "0050", "01", "105")
			    NET_ROW("00000000", "01BB", "0A", "106"));
	put(1, "net/tcp6",
	    NET_HEAD NET_ROW("00000000000000000000000000000000", "01BB", "0A", "102"));
	put(1, "ns/net", "");
	for (uint32_t pid = 1; pid <= 7; pid++)
		put_link(pid, "ns/net", "net:[4026531833]");
	put_link(1, "fd/0", "/dev/null");
	put_link(1, "fd/3", "socket:[101]");
	/* The others have no net/tcp: it was read for the first one. */
	put_link(2, "fd/5", "socket:[102]");
	put_link(3, "fd/5", "socket:[104]"); /* 8080, not asked for */
	put_link(4, "fd/5", "socket:[105]"); /* a connection of port 80 */
	put_link(5, "fd/5", "socket:[103]");
	put_link(6, "fd/5", "socket:[106]"); /* behind the first connection: not read */
	put_link(7, "fd/5", "pipe:[101]");
	put_link(8, "ns/net", "net:[2]"); /* the same inode number, another namespace's table */
	put(8, "net/tcp", NET_HEAD NET_ROW("0100007F", "0051", "0A", "101"));
	put_link(8, "fd/3", "socket:[101]");
	put_link(9, "ns/net", "net:[3]");
	put(9, "net/tcp6", NET_HEAD NET_ROW("0000", "0050", "0A", "7"));
	put_link(9, "fd/3", "socket:[7]");
	put(10, "net/tcp", NET_HEAD NET_ROW("0", "0050", "0A", "7")); /* no namespace to be read */
	put_link(10, "fd/3", "socket:[7]");

	assert_int_equal(procfs__open(&fs, root), 0);
	l = listeners__new(&fs, &by_port, &exclude);
	for (size_t i = 0; i < N(t); i++) {
		struct listeners_held h = listeners__held(l, t[i].pid);

		if (h.include != t[i].include || h.exclude != t[i].exclude)
			fail_msg("pid %u: %u %u", t[i].pid, h.include, h.exclude);
	}
	assert_int_equal(listeners__held(l, 4711).include, 0);
	listeners__free(l);
	listeners__free(NULL);
	procfs__close(&fs);
}

/* One process vanishes while its namespace is read: the next one's look must not
 * find an empty table. */
static void test_listeners_vanished(void **state)
{
	struct procfs fs;
	struct listeners *l;

	put_link(1, "ns/net", "net:[5]");
	put_link(1, "fd/3", "socket:[9]");
	put_link(2, "ns/net", "net:[5]");
	put_link(2, "fd/3", "socket:[9]");
	put(2, "net/tcp", NET_HEAD NET_ROW("0", "0050", "0A", "9"));
	assert_int_equal(procfs__open(&fs, root), 0);
	l = listeners__new(&fs, &by_port, &by_pid);
	assert_int_equal(listeners__held(l, 1).include, 0);
	assert_int_equal(listeners__held(l, 2).include, 80);
	listeners__free(l);
	procfs__close(&fs);
}

/* Every prefix of a table. */
static void test_listeners_hostile(void **state)
{
	static const char table[] = NET_HEAD NET_ROW("0100007F", "0050", "0A", "101");
	struct procfs fs;

	assert_int_equal(procfs__open(&fs, root), 0);
	put_link(1, "ns/net", "net:[5]");
	put_link(1, "fd/3", "socket:[101]");
	for (size_t n = 0; n < sizeof(table); n++) {
		struct listeners *l = listeners__new(&fs, &by_port, &by_pid);
		char *cut = strndup(table, n);
		struct listeners_held h;

		put(1, "net/tcp", cut);
		h = listeners__held(l, 1);
		assert_true(h.include == 0 || h.include == 80);
		assert_true(h.include == 80 || n < sizeof(table) - 1);
		listeners__free(l);
		free(cut);
	}
	procfs__close(&fs);
}

static uint16_t listen_on(int family, int *fd)
{
	struct sockaddr_storage ss = { .ss_family = family };
	socklen_t len = sizeof(ss);

	*fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 ||
	    bind(*fd, (struct sockaddr *)&ss,
		 family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)) ||
	    listen(*fd, 8) || getsockname(*fd, (struct sockaddr *)&ss, &len))
		return 0;
	return ntohs(family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port
				       : ((struct sockaddr_in6 *)&ss)->sin6_port);
}

/* The real /proc, and a connection that is no listener. */
static void check_real(int family)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd, client;
	uint16_t port[1] = { listen_on(family, &fd) };
	const struct selection s = { .ports = port, .n_ports = 1 };
	struct listeners *l;
	struct procfs fs;

	if (!port[0]) {
		print_message("family %d: %s\n", family, strerror(errno));
		skip();
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(procfs__open(&fs, "/proc"), 0);
	l = listeners__new(&fs, &s, &by_pid);
	assert_int_equal(listeners__held(l, getpid()).include, port[0]);
	listeners__free(l);
	close(fd);
	l = listeners__new(&fs, &s, &by_pid);
	assert_int_equal(listeners__held(l, getpid()).include, 0);
	listeners__free(l);
	procfs__close(&fs);
	close(client);
}

static void test_listeners_real(void **state)
{
	check_real(AF_INET);
}

static void test_listeners_real6(void **state)
{
	check_real(AF_INET6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exe),
		cmocka_unit_test(test_cgroup),
		cmocka_unit_test(test_cgroup_hostile),
		cmocka_unit_test(test_match),
		cmocka_unit_test_setup_teardown(test_listeners, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_listeners_vanished, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_listeners_hostile, make_root, remove_root),
		cmocka_unit_test(test_listeners_real),
		cmocka_unit_test(test_listeners_real6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
