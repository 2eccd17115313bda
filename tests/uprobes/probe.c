// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * probe OBJECT CLIENT: the prober with this machine's kernel and OpenSSL, and programs that
 * only count (hits.bpf.c). Probes go to processes of its own only. Prints what things take,
 * and its verdicts.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop.h"
#include "options.h"
#include "prober.h"
#include "return_trial.h"
#include "uprobe_link.h"

#define WRITES      7
#define DEADLINE_NS 20000000000ull

enum { ENTRIES, RETURNS, OTHERS };

struct client {
	pid_t pid;
	int in, out;
};

static struct bpf_object *object;
static struct prober *prober;
static const char *client_path;
static char library[4096];
static unsigned int passed, failed;
static uint32_t marked;
static bool multi_kind;

static void verdict(bool ok, const char *what)
{
	printf("%s %s\n", ok ? "ok   " : "FAIL ", what);
	*(ok ? &passed : &failed) += 1;
}

static int skip(const char *why)
{
	printf("SKIP  uprobes: %s\nuprobes: 0 passed, 0 failed, 1 skipped\n", why);
	return 0;
}

/* ---- ops ------------------------------------------------------------------------------------ */

static const struct uprobe_program *program(void *arg, const char *name)
{
	static struct uprobe_program progs[3];
	const char *mine = !strncmp(name, "uprobe_tls_write", 16) ? "uprobe_write"
			   : !strncmp(name, "uret", 4)            ? "uretprobe_any"
								  : "uprobe_other";

	struct uprobe_program *p = &progs[mine[0] != 'u' || mine[1] == 'r' ? 0
					  : mine[7] == 'w'                 ? 1
									   : 2];

	*p = (struct uprobe_program){
		mine, bpf_program__fd(bpf_object__find_program_by_name(object, mine)), multi_kind
	};
	return p;
}

static int mark(void *arg, uint32_t tgid, uint32_t flags)
{
	__atomic_fetch_add(&marked, 1, __ATOMIC_RELAXED);
	return 0;
}

static uint64_t hits(pid_t pid, uint64_t what)
{
	uint64_t key = (uint64_t)pid << 32 | what, n = 0;

	bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(object, "hits"), &key, &n);
	return n;
}

/* ---- clients ----------------------------------------------------------------------------------
 */

static void be_client(int in, int out, const char *lib)
{
	dup2(in, 0);
	dup2(out, 1);
	execl(client_path, client_path, lib, NULL);
	_exit(1);
}

static void start(struct client *c, const char *lib)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		abort();
	c->pid = fork();
	if (!c->pid)
		be_client(in[0], out[1], lib);
	close(in[0]);
	close(out[1]);
	c->in = in[1];
	c->out = out[0];
}

static void send_byte(struct client *c, char command)
{
	if (write(c->in, &command, 1) != 1)
		abort();
}

static void tell(struct client *c, char command)
{
	struct pollfd f = { .fd = c->out, .events = POLLIN };
	char answer = 0;

	send_byte(c, command);
	if (poll(&f, 1, DEADLINE_NS / 1000000) != 1 || read(c->out, &answer, 1) != 1)
		fprintf(stderr, "client: no answer to %c\n", command);
}

static void end(struct client *c)
{
	send_byte(c, 'r');
	waitpid(c->pid, NULL, 0);
	close(c->in);
	close(c->out);
}

static void write_some(struct client *c)
{
	for (int i = 0; i < WRITES; i++)
		tell(c, 'w');
}

/* ---- waiting ------------------------------------------------------------------------------------
 */

static struct prober_stats stats(void)
{
	struct prober_stats st;

	prober__stats(prober, &st);
	return st;
}

/* Until this many links are open, nothing is under way, and this many files have probes.
 * How long it took, in ms; negative: too long. */
static double wait_links(uint64_t links, uint64_t attached)
{
	struct pollfd f = { .fd = prober__fd(prober), .events = POLLIN };
	struct timespec step = { .tv_nsec = 200000 };
	uint64_t start_ns = mono_ns();

	while (mono_ns() - start_ns < DEADLINE_NS) {
		struct prober_stats st = stats();

		if (st.links == links && st.attached == attached && !st.waiting)
			return (mono_ns() - start_ns) / 1e6;
		ppoll(&f, 1, &step, NULL);
		prober__read(prober);
	}
	return -1;
}

/* The same, of a library that may have any number of functions. */
static double wait_any(uint64_t more_than)
{
	struct pollfd f = { .fd = prober__fd(prober), .events = POLLIN };
	struct timespec step = { .tv_nsec = 200000 };
	uint64_t start_ns = mono_ns(), quiet_ns = 0;
	double took = -1;

	while (mono_ns() - start_ns < DEADLINE_NS) {
		struct prober_stats st = stats();

		if (st.probes.probed <= more_than || st.waiting)
			quiet_ns = 0;
		else if (!quiet_ns)
			quiet_ns = mono_ns(), took = (quiet_ns - start_ns) / 1e6;
		else if (mono_ns() - quiet_ns > 5000000)
			return took;
		ppoll(&f, 1, &step, NULL);
		prober__read(prober);
	}
	return -1;
}

/* ---- cases
 * ---------------------------------------------------------------------------------------- */

static uint64_t per_process; /* links */

/* Selected first, loads the library later. */
static void case_dlopen(void)
{
	struct client c, other;
	uint64_t open_ns;
	double took;

	start(&c, library);
	start(&other, library);
	tell(&c, ' ');
	prober__selected(prober, c.pid);
	wait_links(0, 0);
	open_ns = mono_ns();
	send_byte(&c, 'd');
	took = wait_any(0);
	per_process = stats().links;
	verdict(took >= 0 && per_process > 20, "a library that is loaded later is probed");
	printf("      dlopen to attached, file not known: %.1f ms, %u links\n", took,
	       (unsigned int)per_process);
	if (read(c.out, &(char){ 0 }, 1) != 1)
		abort();
	tell(&other, 'd');
	write_some(&c);
	write_some(&other);
	verdict(hits(c.pid, ENTRIES) == WRITES, "each call is seen");
	verdict(hits(c.pid, RETURNS) >= WRITES, "and its return");
	verdict(!hits(other.pid, ENTRIES), "calls of a process that is not selected are not");
	verdict(stats().links == per_process && marked == 2, "which has no probes");
	prober__left(prober, c.pid);
	open_ns = mono_ns();
	took = wait_links(0, per_process);
	verdict(took >= 0, "probes go with the selection");
	printf("      detached: %.1f ms for each link\n",
	       (mono_ns() - open_ns) / 1e6 / per_process);
	tell(&c, 'w');
	verdict(hits(c.pid, ENTRIES) == WRITES, "and see nothing more");
	end(&c);
	end(&other);
}

/* Selected before; the library comes with its exec. */
static void case_exec(void)
{
	uint64_t before = stats().attached, start_ns;
	struct client c;
	double took;

	start(&c, library);
	tell(&c, ' ');
	prober__selected(prober, c.pid);
	wait_links(0, before);
	start_ns = mono_ns();
	send_byte(&c, 'p');
	took = wait_links(per_process, before + per_process);
	printf("      exec to attached, file known: %.1f ms\n", (mono_ns() - start_ns) / 1e6);
	verdict(took >= 0, "a library that comes with exec is probed");
	prober__selected(prober, c.pid); /* its exec is told after its mappings */
	verdict(wait_links(per_process, before + per_process) >= 0,
		"and not once more when its exec is told");
	tell(&c, 'd');
	write_some(&c);
	verdict(hits(c.pid, ENTRIES) == WRITES, "each call is seen");
	send_byte(&c, 'x');
	tell(&c, ' ');
	prober__selected(prober, c.pid);
	verdict(wait_links(per_process, before + 2 * per_process) >= 0,
		"the next exec lets go of the old and probes the new");
	tell(&c, 'd');
	write_some(&c);
	verdict(hits(c.pid, ENTRIES) == 2 * WRITES, "each call is seen");
	prober__left(prober, c.pid);
	wait_links(0, before + 2 * per_process);
	end(&c);
}

static void copy_file(const char *from, const char *to)
{
	char command[9000];

	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	if (system(command))
		abort();
}

/* What is mapped is probed, not what is at its path. */
static void case_replaced(void)
{
	uint64_t before = stats().attached, scans = stats().probes.scans;
	char dir[] = "/tmp/redeye-uprobes-XXXXXX", path[64], newer[64];
	struct client c;

	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof(path), "%s/libssl.so.3", dir);
	snprintf(newer, sizeof(newer), "%s/new", dir);
	copy_file(library, path);
	start(&c, path);
	tell(&c, 'd');
	copy_file(client_path, newer);
	rename(newer, path);
	prober__selected(prober, c.pid);
	verdict(wait_links(per_process, before + per_process) >= 0, "a replaced library is probed");
	write_some(&c);
	verdict(hits(c.pid, ENTRIES) == WRITES, "each call is seen");
	verdict(stats().probes.scans == scans + 1, "it was read, and nothing else");
	prober__left(prober, c.pid);
	wait_links(0, before + per_process);
	end(&c);
	unlink(path);
	rmdir(dir);
}

static __attribute__((noinline)) void dies(void)
{
	__builtin_trap();
}

/* As this kernel is; and one that would end processes is told from it. */
static void case_seccomp(void)
{
	verdict(return_trial__survived(), "who is under a seccomp filter survives a return probe");
#ifdef __x86_64__
	verdict(!return_trial__of(dies), "who does not is noticed");
#endif
}

/* By another mapping of a file it is seen whether it has probes. */
static void case_there(bool multi)
{
	struct uprobe_program prog = { .name = "exit_0", .multi = multi };
	uint64_t offset = uprobe_link__own_offset((const void *)dies);
	int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct uprobe_link *link;

	prog.fd = uprobe_link__empty_program(multi);
	verdict(!uprobe_link__there(exe, offset), "a file without probes has none");
	link = uprobe_link__attach(&prog, getpid(), exe, offset, false);
	verdict(link && uprobe_link__there(exe, offset), "a file with one has it");
	verdict(!uprobe_link__there(exe, offset + 1), "where it is");
	if (link)
		uprobe_link__destroy(link);
	verdict(!uprobe_link__there(exe, offset), "and until it is taken off");
	close(prog.fd);
	close(exe);
}

/* ---- life
 * ------------------------------------------------------------------------------------------- */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static void print_library(int to)
{
	void *handle = dlopen("libssl.so.3", RTLD_NOW);
	struct link_map *map;

	if (handle && !dlinfo(handle, RTLD_DI_LINKMAP, &map) && realpath(map->l_name, library))
		dprintf(to, "%s", library);
	_exit(0);
}

/* In a child: what is forked off here later must not have it already. */
static bool find_library(void)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	pid = fork();
	if (!pid)
		print_library(ends[1]);
	close(ends[1]);
	while (read(ends[0], library + strlen(library), sizeof(library) - 1 - strlen(library)) > 0)
		;
	close(ends[0]);
	waitpid(pid, NULL, 0);
	return library[0];
}

static int load(const char *path, bool multi)
{
	struct bpf_program *prog = NULL;

	object = bpf_object__open(path);
	while (object && multi && (prog = bpf_object__next_program(object, prog)))
		uprobe_link__prepare(prog);
	return object ? bpf_object__load(object) : -errno;
}

static void say_problem(void *arg, const struct prober_problem *problem)
{
	printf("      %s %s: %s\n", problem->process, problem->path, problem->text);
}

/* All cases with one of the two kinds of probes. NULL, or why not. */
static const char *run(const char *path, bool multi)
{
	struct prober_config config = { .scope = UPROBE_SCOPE_PROCESS, .problem = say_problem };
	struct probe_ops ops = { .program = program, .mark = mark };
	static char why[256];
	uint64_t start_ns;

	if (load(path, multi))
		return "the kernel takes no programs for uprobes";
	prober = prober__new(&config, &ops, why, sizeof(why));
	if (!prober || prober__unwatched(prober))
		return prober ? prober__unwatched(prober) : why;
	printf("--    %s\n", multi ? "links to files (uprobe_multi)" : "perf events");
	marked = 0;
	multi_kind = multi;
	case_dlopen();
	case_exec();
	case_replaced();
	case_there(multi);
	start_ns = mono_ns();
	prober__free(prober);
	bpf_object__close(object);
	printf("      freed: %.1f ms\n", (mono_ns() - start_ns) / 1e6);
	return NULL;
}

int main(int argc, char **argv)
{
	const char *why;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	libbpf_set_print(quiet);
	client_path = argv[2];
	if (geteuid())
		return skip("not root");
	if (!find_library())
		return skip("no libssl.so.3");
	case_seccomp();
	why = run(argv[1], false);
	if (why)
		return skip(why);
	if (uprobe_link__has_multi())
		why = run(argv[1], true);
	else
		printf("SKIP  uprobes: this kernel has no links to files\n");
	printf("uprobes: %u passed, %u failed, %d skipped\n", passed, failed,
	       !uprobe_link__has_multi() || why);
	return failed ? 1 : 0;
}
