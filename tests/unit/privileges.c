// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is given up is gone, for each thread and for good; each case in a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "options.h"
#include "privileges.h"
#include "seccomp_filter.h"

#define BIT(c) (1ull << (c))

/* The number of the line that failed, in a child; 0: none. */
#define WANT(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)

static void in_child(int (*test)(void))
{
	int pipe_fd[2], line = -1, status;
	pid_t pid;

	assert_int_equal(pipe(pipe_fd), 0);
	pid = fork();
	if (!pid) {
		line = test();
		_exit(write(pipe_fd[1], &line, sizeof(line)) != sizeof(line));
	}
	close(pipe_fd[1]);
	if (read(pipe_fd[0], &line, sizeof(line)) != sizeof(line))
		line = -1;
	close(pipe_fd[0]);
	waitpid(pid, &status, 0);
	if (line)
		fail_msg("line %d (status 0x%x)", line, status);
}

static uint64_t from_status(const char *task, const char *key)
{
	char path[64], buf[256];
	unsigned long long v = ~0ull;
	size_t n = strlen(key);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", task);
	f = fopen(path, "re");
	while (f && fgets(buf, sizeof(buf), f))
		if (!strncmp(buf, key, n))
			v = strtoull(buf + n, NULL, 16);
	if (f)
		fclose(f);
	return v;
}

static const char *own_task(char buf[16])
{
	snprintf(buf, 16, "%d", getpid());
	return buf;
}

/* ---- what is needed --------------------------------------------------------------------- */

static int needs(void)
{
	const uint64_t all =
		BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH);
	struct options o = { .listen = "127.0.0.1:9464", .socket = "none" };
	char folder[] = "/tmp/redeye-privileges-XXXXXX", path[64], deeper[80];

	WANT(privileges__needed(&o) == all);
	o.propagate = true;
	WANT(privileges__needed(&o) == (all | BIT(CAP_NET_ADMIN)));
	o.propagate = false;
	o.listen = "[::1]:80";
	WANT(privileges__needed(&o) == (all | BIT(CAP_NET_BIND_SERVICE)));
	o.listen = "none";
	WANT(privileges__needed(&o) == all);
	o.tls = true;
	WANT((privileges__needed(&o) & ~BIT(CAP_SYS_ADMIN)) == (all | BIT(CAP_CHECKPOINT_RESTORE)));
	o.tls = false;

	WANT(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(deeper, sizeof(deeper), "%s/not/yet/log", folder);
	o.access_log = path;
	WANT(privileges__needed(&o) == all);
	WANT(!chown(folder, 65534, 65534));
	WANT(privileges__needed(&o) == (all | BIT(CAP_DAC_OVERRIDE)));
	o.access_log = deeper;
	WANT(privileges__needed(&o) == (all | BIT(CAP_DAC_OVERRIDE)));
	o.access_log = "stdout";
	WANT(privileges__needed(&o) == all);
	o.access_log = "syslog";
	WANT(privileges__needed(&o) == all);
	o.access_log = NULL;
	o.socket = path;
	WANT(privileges__needed(&o) == (all | BIT(CAP_DAC_OVERRIDE)));
	rmdir(folder);
	return 0;
}

/* What was not there does not come from anywhere. */
static int needs_no_more_than_it_has(void)
{
	struct options o = { .listen = "none", .socket = "none", .tls = true };

	WANT(!privileges__keep(BIT(CAP_BPF) | BIT(CAP_SYS_NICE)));
	WANT(privileges__needed(&o) == BIT(CAP_BPF));
	return 0;
}

/* ---- what is left ----------------------------------------------------------------------- */

static void *task_caps(void *arg)
{
	char task[16];

	snprintf(task, sizeof(task), "%d", (int)syscall(SYS_gettid));
	*(uint64_t *)arg = from_status(task, "CapEff:");
	return NULL;
}

static int gives_up(void)
{
	struct options o = { .listen = "none", .socket = "none", .hardening = true };
	struct privileges p;
	uint64_t of_thread = 0;
	pthread_t thread;
	char task[16];

	privileges__give_up(&o, &p);
	WANT(p.asked_for && p.reduced && p.bounded && p.no_new_privs);
	WANT(p.kept ==
	     (BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH)));
	own_task(task);
	WANT(from_status(task, "CapEff:") == p.kept);
	WANT(from_status(task, "CapPrm:") == p.kept);
	WANT(from_status(task, "CapBnd:") == p.kept);
	WANT(from_status(task, "CapInh:") == 0);
	WANT(from_status(task, "CapAmb:") == 0);
	WANT(from_status(task, "NoNewPrivs:") == 1);
	WANT(!pthread_create(&thread, NULL, task_caps, &of_thread));
	pthread_join(thread, NULL);
	WANT(of_thread == p.kept);
	WANT(privileges__keep(~0ull) == 0); /* never gives */
	WANT(from_status(task, "CapEff:") == p.kept);
	return 0;
}

static int not_asked_for(void)
{
	struct options o = { .listen = "none", .socket = "none" };
	struct privileges p;
	char task[16];
	uint64_t before = from_status(own_task(task), "CapEff:");

	privileges__give_up(&o, &p);
	WANT(!p.asked_for && !p.reduced && !p.no_new_privs && !p.filtered);
	WANT(from_status(task, "CapEff:") == before);
	WANT(from_status(task, "NoNewPrivs:") == 0);
	WANT(from_status(task, "Seccomp:") == 0);
	return 0;
}

/* ---- system calls ----------------------------------------------------------------------- */

static bool refused(long rc)
{
	return rc < 0 && errno == ENOSYS;
}

static void *nothing(void *arg)
{
	return arg;
}

static int install(bool forking)
{
	struct seccomp_filter_config c = { .fork = forking };
	char why[96];

	return seccomp_filter__install(&c, why, sizeof(why));
}

static int refuses(void)
{
	char *const argv[] = { "/bin/true", NULL };
	char page[4096] = "";

	WANT(!install(false));
	WANT(refused(execve(argv[0], argv, NULL)));
	WANT(refused(syscall(SYS_execveat, AT_FDCWD, argv[0], argv, NULL, 0)));
	WANT(refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)));
	WANT(refused(syscall(SYS_clone3, page, 88)));
	WANT(refused(syscall(SYS_clone, CLONE_THREAD | CLONE_NEWUSER, 0, 0, 0, 0)));
	WANT(refused(unshare(CLONE_NEWNS)));
	WANT(refused(ptrace(PTRACE_TRACEME, 0, 0, 0)));
	WANT(refused(syscall(SYS_process_vm_writev, getpid(), NULL, 0, NULL, 0, 0)));
	WANT(refused(syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL)));
	WANT(refused(syscall(SYS_init_module, page, 0, "")));
	WANT(refused(syscall(SYS_kexec_load, 0, 0, NULL, 0)));
	WANT(refused(syscall(SYS_settimeofday, NULL, NULL)));
	WANT(refused(syscall(SYS_setuid, 0)));
	WANT(refused(syscall(SYS_chown, "/tmp", 0, 0)));
	WANT(refused(kill(getppid(), 0)));
	WANT(refused(socket(AF_PACKET, SOCK_RAW, 0)));
	WANT(refused(socket(AF_VSOCK, SOCK_STREAM, 0)));
	WANT(refused(ioctl(STDIN_FILENO, TIOCSTI, "x")));
	WANT(refused(prctl(PR_SET_SECCOMP, 0, 0, 0, 0)));
	WANT(refused((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
	WANT(refused(mprotect((void *)((uintptr_t)page & ~4095ul), 4096, PROT_READ | PROT_EXEC)));
	return 0;
}

static int allows(void)
{
	pthread_t thread;
	struct stat st;
	int fd;
	void *p;

	WANT(!install(false));
	fd = open("/proc/self/stat", O_RDONLY);
	WANT(fd >= 0 && !fstat(fd, &st));
	close(fd);
	WANT(!pthread_create(&thread, NULL, nothing, NULL) && !pthread_join(thread, NULL));
	p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	WANT(p != MAP_FAILED && !munmap(p, 1 << 20));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	WANT(fd >= 0);
	WANT(!close(fd));
	WANT(!prctl(PR_SET_NAME, "x"));
	return 0;
}

static int with_a_guard(void)
{
	char *const argv[] = { "/bin/true", NULL };
	int status;
	pid_t pid;

	WANT(!install(true));
	pid = fork();
	if (!pid)
		_exit(refused(execve(argv[0], argv, NULL)) ? 7 : 8);
	WANT(pid > 0 && waitpid(pid, &status, 0) == pid);
	WANT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	return 0;
}

/* A thread that was there before. */
static void *tries_later(void *arg)
{
	int *go = arg, got;

	if (read(go[0], &got, 1) != 1)
		return NULL;
	return refused(socket(AF_PACKET, SOCK_RAW, 0)) ? go : NULL;
}

static int all_threads(void)
{
	pthread_t thread;
	void *result;
	int go[2];

	WANT(!pipe(go));
	WANT(!pthread_create(&thread, NULL, tries_later, go));
	WANT(!install(false));
	WANT(write(go[1], "x", 1) == 1);
	WANT(!pthread_join(thread, &result) && result == go);
	return 0;
}

/* ---- the table -------------------------------------------------------------------------- */

static bool sanitized(void)
{
#ifdef __SANITIZE_ADDRESS__
	return true;
#else
	return false;
#endif
}

static void rights(int (*test)(void))
{
	if (geteuid()) {
		print_message("skipped: needs root, there is nothing to give up\n");
		skip();
	}
	in_child(test);
}

static void calls(int (*test)(void))
{
	if (sanitized()) { /* seccomp_filter.c */
		print_message("skipped: with sanitizers there is no filter\n");
		skip();
	}
	in_child(test);
}

#define CASE(how, name)                                                                            \
	static void how##_##name(void **state)                                                     \
	{                                                                                          \
		how(name);                                                                         \
	}

CASE(rights, needs)
CASE(rights, needs_no_more_than_it_has)
CASE(rights, gives_up)
CASE(rights, not_asked_for)
CASE(calls, refuses)
CASE(calls, allows)
CASE(calls, with_a_guard)
CASE(calls, all_threads)

static void texts(void **state)
{
	char text[PRIVILEGES_TEXT];

	assert_string_equal(privileges__text(0, text), "none");
	assert_string_equal(privileges__text(BIT(CAP_SYS_PTRACE) | BIT(CAP_BPF), text),
			    "CAP_BPF CAP_SYS_PTRACE");
	assert_string_equal(privileges__text(BIT(CAP_BPF) | BIT(CAP_SYS_BOOT), text),
			    "CAP_BPF 0x400000");
	privileges__text(~0ull, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rights_needs),
		cmocka_unit_test(rights_needs_no_more_than_it_has),
		cmocka_unit_test(rights_gives_up),
		cmocka_unit_test(rights_not_asked_for),
		cmocka_unit_test(calls_refuses),
		cmocka_unit_test(calls_allows),
		cmocka_unit_test(calls_with_a_guard),
		cmocka_unit_test(calls_all_threads),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
