// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * redeye doctor: what works on this machine, found out by doing it. Each check
 * is a row: it tries its feature and says what is lost without it.
 */
#include "commands.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"
#include "doctor_tls.h"
#include "loader.h"
#include "log.h"
#include "options.h"
#include "preflight.h"
#include "privileges.h"
#include "propagate.h"
#include "return_trial.h"

enum verdict {
	YES = 0,
	NO = 1,    /* costs its own feature */
	FATAL = 2, /* without it redeye cannot work */
};

struct result {
	enum verdict verdict;
	char why[256];
};

struct check {
	const char *area;
	const char *name;
	const char *lost; /* what is missing without it */
	void (*run)(struct result *r);
};

static void fail(struct result *r, enum verdict v, const char *why)
{
	r->verdict = v;
	snprintf(r->why, sizeof(r->why), "%s", why);
}

/* ---- the machine ---------------------------------------------------------------------- */

static void check_btf(struct result *r)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		fail(r, FATAL, "no /sys/kernel/btf/vmlinux: CONFIG_DEBUG_INFO_BTF is off");
}

static const struct {
	unsigned int bit;
	const char *name;
} capabilities[] = {
	{ 39, "CAP_BPF" },          { 38, "CAP_PERFMON" },
	{ 19, "CAP_SYS_PTRACE" },   { 2, "CAP_DAC_READ_SEARCH" },
	{ 24, "CAP_SYS_RESOURCE" },
};

static void check_caps(struct result *r)
{
	uint64_t caps = privileges__effective();
	bool may_load = preflight__may_load();
	size_t i;

	snprintf(r->why, sizeof(r->why), "missing:");
	for (i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		if (caps & 1ull << capabilities[i].bit || (i < 2 && may_load))
			continue;
		r->verdict = i < 2 ? FATAL : r->verdict > NO ? r->verdict : NO;
		strncat(r->why, " ", sizeof(r->why) - strlen(r->why) - 1);
		strncat(r->why, capabilities[i].name, sizeof(r->why) - strlen(r->why) - 1);
	}
	if (r->verdict == YES)
		r->why[0] = 0;
}

/* Kernel and /proc must speak of the same process numbers. */
static void check_pidns(struct result *r)
{
	if (preflight__own_pidns())
		fail(r, FATAL,
		     "redeye runs in a PID namespace of its own: use the host's (hostPID)");
}

static void check_other_processes(struct result *r)
{
	int fd = open("/proc/1/environ", O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		fail(r, NO, strerror(errno));
		return;
	}
	close(fd);
}

/* ---- backends ---------------------------------------------------------------------------- */

static void try_backend(struct result *r, enum backend_id id)
{
	char why[256] = "";

	fail(r, loader__try(id, why, sizeof(why)) ? NO : YES, why);
}

static void check_sock(struct result *r)
{
	try_backend(r, BACKEND_SOCK);
}

static void check_fentry(struct result *r)
{
	try_backend(r, BACKEND_FENTRY);
}

static void check_kprobe(struct result *r)
{
	try_backend(r, BACKEND_KPROBE);
}

static void check_syscall(struct result *r)
{
	try_backend(r, BACKEND_SYSCALL);
}

static void check_uprobes(struct result *r)
{
	char why[256] = "";
	int links = loader__try_uprobes(why, sizeof(why));

	if (links < 0)
		fail(r, NO, why);
	else
		snprintf(r->why, sizeof(r->why), "%s%s%s%s",
			 return_trial__survived() ? ""
						  : "not under seccomp filters: this kernel "
						    "would end processes; ",
			 links ? "" : "by perf events, which are slow to take off",
			 !links && why[0] ? "; " : "", why);
}

static void check_propagation(struct result *r)
{
	char why[200] = "";
	enum propagate_state state = propagate__try(why, sizeof(why));

	if (state == PROPAGATE_OFF)
		fail(r, NO, why);
	else if (state == PROPAGATE_FIRST)
		snprintf(r->why, sizeof(r->why), "only each connection's first request: %s", why);
}

/* For good, so in a process of its own. False: it told nothing. */
static bool give_up(struct privileges *p)
{
	const struct options o = {
		.listen = "none", .socket = "none", .tls = true, .hardening = true
	};
	int fd[2];
	bool told;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC))
		return false;
	pid = fork();
	if (!pid) {
		privileges__give_up(&o, p);
		_exit(write(fd[1], p, sizeof(*p)) != sizeof(*p));
	}
	close(fd[1]);
	told = pid > 0 && read(fd[0], p, sizeof(*p)) == sizeof(*p);
	close(fd[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return told;
}

static void check_hardening(struct result *r)
{
	char text[PRIVILEGES_TEXT];
	struct privileges p;

	if (!give_up(&p))
		fail(r, NO, "it ends with the try");
	else if (!p.reduced || !p.no_new_privs)
		fail(r, NO, "the kernel does not take capabilities back");
	else if (!p.filtered)
		fail(r, NO, p.unfiltered);
	else
		snprintf(r->why, sizeof(r->why), "keeps %s", privileges__text(p.kept, text));
}

static const struct check checks[] = {
	{ "kernel", "type information (BTF)", "everything", check_btf },
	{ "rights", "capabilities", "see docs/security.md for what each is for", check_caps },
	{ "rights", "other processes' /proc",
	  "service names from the environment, selection by port", check_other_processes },
	{ "rights", "hardening", "what a taken-over redeye could not do", check_hardening },
	{ "rights", "host PID namespace", "selection and service names", check_pidns },
	{ "backend", "sock", "the cheapest backend", check_sock },
	{ "backend", "fentry", "the second choice", check_fentry },
	{ "backend", "kprobe", "the third choice", check_kprobe },
	{ "backend", "syscall", "the fallback, which taxes all system calls", check_syscall },
	{ "tls", "uprobes", "requests inside TLS", check_uprobes },
	{ "traces", "context propagation", "traces across services without SDKs (--propagate)",
	  check_propagation },
};

#define N_CHECKS (sizeof(checks) / sizeof(checks[0]))

/* Usable: nothing fatal, and at least one backend. */
static bool usable(const struct result *results)
{
	bool backend = false;
	size_t i;

	for (i = 0; i < N_CHECKS; i++) {
		if (results[i].verdict == FATAL)
			return false;
		if (!strcmp(checks[i].area, "backend") && results[i].verdict == YES)
			backend = true;
	}
	return backend;
}

/* ---- output ------------------------------------------------------------------------------- */

static const char *const verdict_names[] = { "yes", "no", "NO" };

static void print_table(const struct result *results, const struct doctor_tls *tls)
{
	struct utsname u;
	const struct backend *b;
	size_t i;

	uname(&u);
	printf("redeye %s on Linux %s %s\n\n", REDEYE_VERSION, u.release, u.machine);
	printf("%-8s %-28s %-6s %s\n", "AREA", "FEATURE", "WORKS", "REASON; WHAT IS LOST");
	for (i = 0; i < N_CHECKS; i++) {
		printf("%-8s %-28s %-6s", checks[i].area, checks[i].name,
		       verdict_names[results[i].verdict]);
		if (results[i].verdict == YES)
			printf(" %s\n", results[i].why[0] ? results[i].why : "-");
		else
			printf(" %s; lost: %s\n", results[i].why, checks[i].lost);
	}
	putchar('\n');
	for (b = backends, i = 0; b->name; b++)
		if (b->misses)
			printf("backend %s cannot see: %s\n", b->name, b->misses);
	if (tls)
		doctor_tls__print(tls);
	printf("\n%s\n", usable(results) ? "redeye can work here." : "redeye cannot work here.");
}

static int print_json(const struct result *results, const struct doctor_tls *tls)
{
	cJSON *j = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(j, "backends");
	cJSON *others = cJSON_AddArrayToObject(j, "features"), *o;
	char *text;
	size_t i;

	for (i = 0; i < N_CHECKS; i++) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "name", checks[i].name);
		cJSON_AddBoolToObject(o, "available", results[i].verdict == YES);
		cJSON_AddStringToObject(o, "reason", results[i].why);
		cJSON_AddStringToObject(o, "lost", checks[i].lost);
		cJSON_AddItemToArray(!strcmp(checks[i].area, "backend") ? list : others, o);
	}
	if (tls)
		cJSON_AddItemToObject(j, "tls", doctor_tls__json(tls));
	cJSON_AddBoolToObject(j, "usable", usable(results));
	text = cJSON_Print(j);
	cJSON_Delete(j);
	if (!text)
		return -ENOMEM;
	puts(text);
	cJSON_free(text);
	return 0;
}

static int examine(const struct options *o)
{
	struct result results[N_CHECKS] = {};
	struct doctor_tls *tls;
	char why[200] = "";
	size_t i;
	int err = 0;

	for (i = 0; i < N_CHECKS; i++)
		checks[i].run(&results[i]);
	tls = doctor_tls__new(o->tls_signatures, why, sizeof(why));
	if (!tls)
		log__warn("TLS in processes: %s", why);
	if (o->json)
		err = print_json(results, tls);
	else
		print_table(results, tls);
	doctor_tls__free(tls);
	return err ? err : usable(results) ? 0 : -ENOTSUP;
}

int cmd_doctor(int argc, char **argv)
{
	struct options o;
	int rc = command__options(&o, argc, argv);

	if (rc >= 0)
		return rc;
	rc = examine(&o);
	options__free(&o);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
