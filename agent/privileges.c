// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What stays is little beside what root has, but not nothing: who may load BPF programs and
 * look into other processes' memory maps can read much of a machine. So what is given up is
 * meant against bugs (a parser that is taken over cannot write, execute, mount or load a module),
 * not against somebody who may write the configuration.
 *
 * Landlock would keep files from being written by path. It is not used: a process in a Landlock
 * domain may not look at processes outside of it, and /proc/PID of those is what redeye reads.
 * The unit and the container have a read-only root instead.
 */
#include "privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "mmap_watch.h"
#include "options.h"
#include "seccomp_filter.h"
#include "self_builder.h"
#include "uprobe_link.h"

#define BIT(capability)  (1ull << (capability))
#define CAPABILITIES_MAX 64
#define FIRST_FREE_PORT  1024 /* below it takes CAP_NET_BIND_SERVICE */

static const struct {
	unsigned int capability;
	const char *name;
} names[] = {
	{ CAP_BPF, "CAP_BPF" },
	{ CAP_PERFMON, "CAP_PERFMON" },
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE" },
	{ CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH" },
	{ CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	{ CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE" },
	{ CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE" },
};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

const char *privileges__text(uint64_t capabilities, char text[PRIVILEGES_TEXT])
{
	size_t n = 0;

	for (size_t i = 0; i < N_NAMES; i++) {
		if (!(capabilities & BIT(names[i].capability)))
			continue;
		n += snprintf(text + n, PRIVILEGES_TEXT - n, "%s%s", n ? " " : "", names[i].name);
		capabilities &= ~BIT(names[i].capability);
	}
	if (capabilities)
		n += snprintf(text + n, PRIVILEGES_TEXT - n, "%s0x%llx", n ? " " : "",
			      (unsigned long long)capabilities);
	if (!n)
		snprintf(text, PRIVILEGES_TEXT, "none");
	return text;
}

/* ---- capabilities of this thread -------------------------------------------------------- */

struct sets {
	uint64_t effective, permitted;
};

static int get_sets(struct sets *s)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };

	if (syscall(SYS_capget, &h, d))
		return -errno;
	s->effective = d[0].effective | (uint64_t)d[1].effective << 32;
	s->permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	return 0;
}

/* None are inheritable. */
static int set_sets(const struct sets *s)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = {
		{ .effective = (uint32_t)s->effective, .permitted = (uint32_t)s->permitted },
		{ .effective = s->effective >> 32, .permitted = s->permitted >> 32 },
	};

	return syscall(SYS_capset, &h, d) ? -errno : 0;
}

/* What exec could give at most. Takes CAP_SETPCAP; where there is none no_new_privs must do. */
static bool bound(uint64_t capabilities)
{
	bool bounded = true;

	for (int c = 0; c < CAPABILITIES_MAX && prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		if (!(capabilities & BIT(c)) && prctl(PR_CAPBSET_READ, c, 0, 0, 0) &&
		    prctl(PR_CAPBSET_DROP, c, 0, 0, 0))
			bounded = false;
	return bounded;
}

int privileges__keep(uint64_t capabilities)
{
	struct sets s;
	int err = get_sets(&s);

	if (err)
		return err;
	s.permitted &= capabilities;
	s.effective &= capabilities;
	return set_sets(&s);
}

uint64_t privileges__effective(void)
{
	struct sets s = { 0 };

	return get_sets(&s) ? 0 : s.effective;
}

void privileges__take(void)
{
	struct sets s;

	if (get_sets(&s) || s.effective == s.permitted)
		return;
	s.effective = s.permitted;
	set_sets(&s);
}

/* ---- what stays ------------------------------------------------------------------------- */

static bool writable_by_us(const struct stat *st)
{
	return st->st_uid == geteuid() ? st->st_mode & S_IWUSR : st->st_mode & S_IWOTH;
}

/* Whether it takes CAP_DAC_OVERRIDE to write there: to the file, when there is one, and to the
 * folder that it is (or will be) in, where rotation renames. */
static bool is_others(const char *path)
{
	char *folder = strdup(path), *slash;
	struct stat st;
	bool others = false;

	if (!folder)
		return false;
	if (!stat(folder, &st))
		others = !writable_by_us(&st);
	do {
		slash = strrchr(folder, '/');
		if (slash)
			slash[slash == folder] = '\0';
		else
			strcpy(folder, ".");
	} while (stat(folder, &st) && slash && folder[1]);
	others |= S_ISDIR(st.st_mode) && !writable_by_us(&st);
	free(folder);
	return others;
}

static bool is_named(const char *path)
{
	return path && *path && strcmp(path, "none") != 0;
}

static bool is_log_file(const char *to)
{
	return to && strcmp(to, "stdout") != 0 && strncmp(to, "syslog", 6) != 0;
}

/* The spool has to be the user's own anyway, and a socket that cannot be had is only said. */
static bool writes_to_others(const struct options *o)
{
	return (is_log_file(o->access_log) && is_others(o->access_log)) ||
	       (is_named(o->socket) && is_others(o->socket));
}

static bool listens_low(const struct options *o)
{
	const char *colon = o->listen ? strrchr(o->listen, ':') : NULL;
	int port = colon ? atoi(colon + 1) : 0;

	return port && port < FIRST_FREE_PORT;
}

/* Where kernel.perf_event_paranoid is above 2, which only Debian's kernels know, all of it does. */
static bool may_watch_mappings(void)
{
	char why[160];
	struct mmap_watch *w = mmap_watch__new(why, sizeof(why));

	mmap_watch__free(w);
	return w;
}

/* By trying, with no more than the rest: kernels have changed their mind (6.16, and stable ones
 * since). A link to the file needs no more than the programs do. */
static bool uprobes_take_admin(const struct sets *now, uint64_t rest)
{
	struct sets s = { .effective = now->effective & rest, .permitted = now->permitted };
	bool take;

	if (!(now->effective & BIT(CAP_SYS_ADMIN)))
		return false;
	if (set_sets(&s))
		return true;
	take = !may_watch_mappings() || (!uprobe_link__has_multi() && !uprobe_link__may_perf());
	set_sets(now);
	return take;
}

uint64_t privileges__needed(const struct options *o)
{
	uint64_t keep =
		BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH);
	struct sets now;

	if (get_sets(&now))
		return ~0ull;
	if (o->tls)
		keep |= BIT(CAP_CHECKPOINT_RESTORE);
	if (o->propagate)
		keep |= BIT(CAP_NET_ADMIN);
	if (listens_low(o))
		keep |= BIT(CAP_NET_BIND_SERVICE);
	if (writes_to_others(o))
		keep |= BIT(CAP_DAC_OVERRIDE);
	if (o->tls && uprobes_take_admin(&now, keep))
		keep |= BIT(CAP_SYS_ADMIN);
	return keep & now.permitted;
}

/* ---- giving up -------------------------------------------------------------------------- */

static void reduce(uint64_t keep, struct privileges *out)
{
	struct sets s = { 0 };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	out->bounded = bound(keep);
	/* User 0 is a user like others: no capabilities come with it. */
	prctl(PR_SET_SECUREBITS, SECURE_ALL_BITS | SECURE_ALL_LOCKS, 0, 0, 0);
	privileges__keep(keep);
	out->reduced = !get_sets(&s) && !(s.permitted & ~keep);
	out->kept = s.permitted;
}

void privileges__give_up(const struct options *o, struct privileges *out)
{
	struct seccomp_filter_config c = { .fork = o->propagate };
	int err;

	*out = (struct privileges){ .asked_for = o->hardening };
	if (!o->hardening)
		return;
	reduce(privileges__needed(o), out);
	out->no_new_privs = !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	err = seccomp_filter__install(&c, out->unfiltered, sizeof(out->unfiltered));
	out->filtered = !err;
}

/* ---- telling ---------------------------------------------------------------------------- */

void privileges__log(const struct privileges *p)
{
	char text[PRIVILEGES_TEXT];

	if (!p->asked_for) {
		log__warn("hardening is off: all rights are kept, and all system calls allowed");
		return;
	}
	if (!p->reduced || !p->no_new_privs)
		log__warn("the kernel did not take back rights that are not needed any more");
	if (!p->filtered)
		log__warn("system calls are not filtered: %s", p->unfiltered);
	log__info("hardening: keeps %s, no new privileges%s", privileges__text(p->kept, text),
		  p->filtered ? ", system calls are filtered" : "");
	if (p->kept & BIT(CAP_DAC_OVERRIDE))
		log__warn(
			"CAP_DAC_OVERRIDE is kept: the access log or the socket is in a folder of "
			"another user");
}

void privileges__metrics(const struct privileges *p, struct self_builder *b)
{
	const struct {
		const char *name;
		bool on;
	} measures[] = {
		{ "capabilities", p->reduced },
		{ "no_new_privs", p->no_new_privs },
		{ "seccomp", p->filtered },
	};
	size_t n = sizeof(measures) / sizeof(measures[0]);
	struct metric_family *f =
		self__family(b, "redeye.hardening", "", METRIC_GAUGE, n,
			     "Whether redeye has given up what it does not need.");

	for (size_t i = 0; i < n; i++) {
		struct self_label l[] = { { "measure", measures[i].name }, { NULL, NULL } };

		self__point(b, f, measures[i].on, l);
	}
}
