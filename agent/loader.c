// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Getting BPF programs into whatever kernel this is.
 *
 * All programs live in one object, and libbpf loads an object as a whole: one
 * refused program would fail all. So the optimistic way comes first: load
 * everything that the kernel's BTF says can work. Only if that fails is each
 * program tried alone, to find the refused ones, and the rest loaded without
 * them. A backend whose required programs are refused, at load or at attach,
 * makes way for the next.
 */
#include "loader.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kretprobe.h"
#include "loader_counts.h"
#include "loader_uprobes.h"
#include "log.h"
#include "ring.h"
#include "skeleton.h"
#include "uprobe_link.h"

#define MAX_MISSING 48
#define MAX_LINKS   40

struct missing {
	char prog[32]; /* a copy: the object is opened anew without it */
	char why[96];
};

struct loader {
	struct redeye_bpf *skel;
	const struct backend *backend;
	struct bpf_link *links[MAX_LINKS];
	size_t n_links;
	struct bpf_program *linked[MAX_LINKS];
	struct missing missing[MAX_MISSING];
	size_t n_missing;
	struct loader_uprobes *uprobes; /* NULL: no TLS */
	struct ring *ring;
	int poll_fd, target_fd, stats_fd;
	struct loader_counts *counts;
};

/* Programs of every backend. */
static const struct backend_prog common_progs[] = {
	{ "tp_set_state", "inet_sock_set_state", true },
	{ "tp_fork", "sched_process_fork", true },
	{ "tp_exec", "sched_process_exec", true },
	{ "tp_exit", "sched_process_exit", true },
	{ "tp_cgroup", "cgroup_attach_task", true }, /* attached when a rule needs it */
	{ "conn_poll", NULL, false },
	{ "target_set", NULL, false },
	{ NULL, NULL, false },
};

/* Attached by propagate.c. */
static const struct backend_prog propagate_progs[] = {
	{ "prop_sockops", NULL, true },
	{ "prop_msg", NULL, true },
	{ "prop_rearm", NULL, true },
	{ NULL, NULL, false },
};

/* How these two backends see what a socket in a sockhash sends. */
static const struct backend_prog propagate_fentry_progs[] = {
	{ "fexit_tcp_bpf_sendmsg", "tcp_bpf_sendmsg", true },
	{ "fexit_tcp_bpf_sendpage", "tcp_bpf_sendpage", true },
	{ NULL, NULL, false },
};

static const struct backend_prog propagate_kprobe_progs[] = {
	{ "kprobe_tcp_bpf_sendmsg", "tcp_bpf_sendmsg", true },
	{ "kretprobe_tcp_bpf_sendmsg", "tcp_bpf_sendmsg", true },
	{ "kprobe_tcp_bpf_sendpage", "tcp_bpf_sendpage", true },
	{ "kretprobe_tcp_bpf_sendpage", "tcp_bpf_sendpage", true },
	{ NULL, NULL, false },
};

/* ---- what libbpf says ------------------------------------------------------ */

static int libbpf_to_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[4096], *rest = NULL, *p;

	/* A refused program is our business to report, with its reason, once. */
	if (log__level() < LOG_LEVEL_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	for (p = strtok_r(line, "\n", &rest); p; p = strtok_r(NULL, "\n", &rest))
		log__debug("%s", p);
	return 0;
}

static void miss(struct loader *l, const char *prog, const char *why)
{
	struct missing *m;

	if (l->n_missing == MAX_MISSING)
		return;
	m = &l->missing[l->n_missing++];
	snprintf(m->prog, sizeof(m->prog), "%s", prog);
	snprintf(m->why, sizeof(m->why), "%s", why);
}

/* ---- choosing programs ------------------------------------------------------ */

static bool btf_has(const struct btf *btf, const struct backend_prog *p)
{
	char tp[128];

	if (!p->function || btf__find_by_name_kind(btf, p->function, BTF_KIND_FUNC) > 0)
		return true;
	snprintf(tp, sizeof(tp), "btf_trace_%s", p->function);
	return btf__find_by_name_kind(btf, tp, BTF_KIND_TYPEDEF) > 0;
}

/* Returns false when a required program cannot work on this kernel. */
static bool choose(struct loader *l, const struct btf *btf, const struct backend_prog *progs)
{
	for (; progs->name; progs++) {
		struct bpf_program *p = bpf_object__find_program_by_name(l->skel->obj, progs->name);

		if (btf_has(btf, progs)) {
			bpf_program__set_autoload(p, true);
			continue;
		}
		if (!progs->optional)
			return false;
		/* A function of other kernel versions is nothing to miss. */
	}
	return true;
}

/* Before 6.5 sendfile bypasses the sock tracepoints. */
static bool sock_sees_sendfile(const struct btf *btf)
{
	return btf__find_by_name_kind(btf, "splice_to_socket", BTF_KIND_FUNC) > 0;
}

/* ---- load --------------------------------------------------------------------- */

static int open_skel(struct loader *l, const struct loader_config *c, const struct backend *b,
		     const struct btf *btf)
{
	redeye_bpf__destroy(l->skel);
	l->skel = skeleton__open();
	if (!l->skel)
		return -errno;
	loader_config__apply(c, btf, l->skel);
	if (b->id == BACKEND_SOCK && !sock_sees_sendfile(btf))
		return -ENOTSUP;
	if (!choose(l, btf, backend__progs(b)))
		return -ENOTSUP;
	choose(l, btf, common_progs);
	if (c->propagate)
		choose(l, btf, propagate_progs);
	if (c->propagate && b->id == BACKEND_FENTRY)
		choose(l, btf, propagate_fentry_progs);
	if (c->propagate && b->id == BACKEND_KPROBE)
		choose(l, btf, propagate_kprobe_progs);
	if (b->id == BACKEND_KPROBE)
		l->skel->rodata->red_cfg.stash = 1;
	else
		bpf_map__set_max_entries(l->skel->maps.stash, 1);
	return 0;
}

static bool is_required(const struct backend *b, const char *prog)
{
	const struct backend_prog *p;

	for (p = backend__progs(b); p->name; p++)
		if (!strcmp(p->name, prog))
			return !p->optional;
	for (p = common_progs; p->name; p++)
		if (!strcmp(p->name, prog))
			return !p->optional;
	return false;
}

/* Loads one program of the object alone. */
static int try_alone(const struct loader_config *c, const struct btf *btf, const char *prog)
{
	struct redeye_bpf *s = skeleton__open();
	struct bpf_program *p;
	int err;

	if (!s)
		return -errno;
	loader_config__apply(c, btf, s);
	bpf_map__set_max_entries(s->maps.ring, getpagesize());
	p = bpf_object__find_program_by_name(s->obj, prog);
	bpf_program__set_autoload(p, true);
	err = redeye_bpf__load(s);
	redeye_bpf__destroy(s);
	return err;
}

static int load_without_refused(struct loader *l, const struct loader_config *c,
				const struct backend *b, const struct btf *btf)
{
	struct bpf_program *p;
	size_t n = l->n_missing;
	int err;

	bpf_object__for_each_program(p, l->skel->obj)
	{
		if (!bpf_program__autoload(p))
			continue;
		err = try_alone(c, btf, bpf_program__name(p));
		if (!err)
			continue;
		if (is_required(b, bpf_program__name(p)))
			return err;
		miss(l, bpf_program__name(p), strerror(-err));
	}
	if (n == l->n_missing)
		return -EINVAL; /* each alone is fine: the object as a whole is not */
	err = open_skel(l, c, b, btf);
	if (err)
		return err;
	for (; n < l->n_missing; n++)
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(l->skel->obj, l->missing[n].prog), false);
	return redeye_bpf__load(l->skel);
}

/* A return probe by our own way, for the sake of servers with many threads; where
 * there is no tracefs, as libbpf does it: returns beyond its few instances are
 * missed, and counted (RED_DROP_MISSED). */
static struct bpf_link *attach_one(struct bpf_program *p)
{
	static const char kind[] = "kretprobe/";
	const char *section = bpf_program__section_name(p);
	struct bpf_link *link = NULL;

	if (!strncmp(section, kind, sizeof(kind) - 1))
		link = kretprobe__attach(p, section + sizeof(kind) - 1);
	return link ? link : bpf_program__attach(p);
}

/* Commands, and what propagate.c attaches. */
static bool is_not_attached(const struct redeye_bpf *s, const struct bpf_program *p)
{
	return p == s->progs.conn_poll || p == s->progs.target_set || p == s->progs.prop_sockops ||
	       p == s->progs.prop_msg || p == s->progs.prop_rearm;
}

static int attach_and_keep(struct loader *l, struct bpf_program *p)
{
	struct bpf_link *link;

	if (l->n_links == MAX_LINKS)
		return -E2BIG;
	link = attach_one(p);
	if (!link)
		return -errno;
	l->linked[l->n_links] = p;
	l->links[l->n_links++] = link;
	return 0;
}

static int attach(struct loader *l, const struct loader_config *c, const struct backend *b)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, l->skel->obj)
	{
		const char *name = bpf_program__name(p);
		int err;

		if (!bpf_program__autoload(p) || is_not_attached(l->skel, p))
			continue;
		if (p == l->skel->progs.tp_cgroup && !c->watch_cgroups)
			continue;
		err = attach_and_keep(l, p);
		if (err && (err == -E2BIG || is_required(b, name)))
			return err;
		if (err)
			miss(l, name, strerror(-err));
	}
	return 0;
}

static void detach(struct loader *l)
{
	while (l->n_links)
		bpf_link__destroy(l->links[--l->n_links]);
	kretprobe__sweep();
}

static int start_backend(struct loader *l, const struct loader_config *c, const struct backend *b,
			 const struct btf *btf)
{
	int err;

	l->n_missing = 0;
	err = open_skel(l, c, b, btf);
	if (err)
		return err;
	err = redeye_bpf__load(l->skel);
	if (err) {
		err = load_without_refused(l, c, b, btf);
		if (err)
			return err;
	}
	loader__set_ports(l, c->include, c->exclude);
	err = attach(l, c, b);
	if (err) {
		detach(l);
		return err;
	}
	l->ring = ring__new(bpf_map__fd(l->skel->maps.ring), c->ring_bytes);
	if (l->ring)
		l->counts = loader_counts__new(l->skel->maps.stats, l->skel->maps.shares);
	if (!l->counts) {
		err = -errno;
		ring__free(l->ring);
		l->ring = NULL;
		detach(l);
		return err;
	}
	l->backend = b;
	l->poll_fd = bpf_program__fd(l->skel->progs.conn_poll);
	l->target_fd = bpf_program__fd(l->skel->progs.target_set);
	return 0;
}

/* Without propagation's maps none of the programs loads, not even alone: the kernel may lack
 * their kinds, and that is no reason not to watch. */
static int start_plainly(struct loader *l, const struct loader_config *c, const struct backend *b,
			 const struct btf *btf, int why)
{
	struct loader_config plain = *c;
	int err;

	plain.propagate = false;
	err = start_backend(l, &plain, b, btf);
	if (!err)
		miss(l, "prop_msg", strerror(-why));
	return err;
}

static const char *reason(int err)
{
	return err == -ENOTSUP ? "this kernel does not have it" : strerror(-err);
}

static int start(struct loader *l, const struct loader_config *c, const struct btf *btf, char *err,
		 size_t err_size)
{
	const struct backend *b;
	size_t len = 0;
	int rc = -ENOTSUP;

	for (b = backends; b->name; b++) {
		if (c->backend != BACKEND_AUTO && c->backend != b->id)
			continue;
		rc = backend__unfit(b) ? -ENOTSUP : start_backend(l, c, b, btf);
		if (rc && rc != -ENOTSUP && c->propagate)
			rc = start_plainly(l, c, b, btf, rc);
		if (!rc) {
			if (err_size)
				err[0] = 0; /* those before are no reason of anything */
			return 0;
		}
		if (len < err_size)
			len += snprintf(err + len, err_size - len, "%s%s: %s", len ? "; " : "",
					b->name,
					backend__unfit(b) ? backend__unfit(b) : reason(rc));
	}
	return rc;
}

/* Before 5.11 maps are charged against RLIMIT_MEMLOCK. */
static void raise_memlock(void)
{
	struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &r);
}

static int check_privilege(char *err, size_t err_size)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		snprintf(err, err_size,
			 "this kernel has no type information (/sys/kernel/btf/vmlinux: %s); "
			 "it needs CONFIG_DEBUG_INFO_BTF",
			 strerror(errno));
		return -ENOTSUP;
	}
	return 0;
}

struct loader *loader__new(const struct loader_config *c, char *err, size_t err_size)
{
	struct loader *l = calloc(1, sizeof(*l));
	struct btf *btf = NULL;
	int rc = -ENOMEM;

	if (err_size)
		err[0] = 0;
	if (!l)
		goto out;
	l->stats_fd = -1;
	libbpf_set_print(libbpf_to_log);
	raise_memlock();
	rc = check_privilege(err, err_size);
	if (rc)
		goto out;
	btf = btf__load_vmlinux_btf();
	rc = -errno;
	if (!btf)
		goto out;
	rc = start(l, c, btf, err, err_size);
	if (rc)
		goto out;
	if (c->tls) {
		l->uprobes = loader_uprobes__new(l->skel->obj);
		rc = l->uprobes ? 0 : -ENOMEM;
	}
	if (c->bpf_stats)
		l->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
out:
	btf__free(btf);
	if (!rc)
		return l;
	if (err_size && !err[0])
		snprintf(err, err_size, "%s", strerror(-rc));
	loader__free(l);
	errno = -rc;
	return NULL;
}

void loader__free(struct loader *l)
{
	if (!l)
		return;
	detach(l);
	ring__free(l->ring);
	loader_counts__free(l->counts);
	loader_uprobes__free(l->uprobes);
	redeye_bpf__destroy(l->skel);
	if (l->stats_fd >= 0)
		close(l->stats_fd);
	free(l);
}

/* ---- use ------------------------------------------------------------------------ */

const struct backend *loader__backend(const struct loader *l)
{
	return l->backend;
}

bool loader__missing(const struct loader *l, size_t i, const char **prog, const char **why)
{
	if (i >= l->n_missing)
		return false;
	*prog = l->missing[i].prog;
	*why = l->missing[i].why;
	return true;
}

/* Runs one of the programs that are attached nowhere. Its result, or -errno. */
static int run_command(int fd, uint64_t *args, uint32_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = args, .ctx_size_in = size);
	int err = bpf_prog_test_run_opts(fd, &o);

	return err ? err : (int)o.retval;
}

int loader__set_target(struct loader *l, uint32_t tgid, bool on)
{
	uint64_t args[3] = { tgid, on ? RED_TARGET_ON : 0 };

	return run_command(l->target_fd, args, sizeof(args)) ? -ERANGE : 0;
}

int loader__mark(struct loader *l, uint32_t tgid, uint8_t flags)
{
	uint64_t args[3] = { tgid, flags };

	return run_command(l->target_fd, args, sizeof(args)) ? -ERANGE : 0;
}

int loader__set_share(struct loader *l, uint32_t tgid, uint32_t place)
{
	uint64_t args[3] = { tgid, 0, place };

	return run_command(l->target_fd, args, sizeof(args)) ? -ERANGE : 0;
}

void loader__begin_share(struct loader *l, uint32_t place)
{
	uint64_t args[3] = { 0, 0, place };

	run_command(l->target_fd, args, sizeof(args));
}

const struct uprobe_program *loader__uprobe(struct loader *l, const char *name)
{
	return l->uprobes ? loader_uprobes__get(l->uprobes, name) : NULL;
}

void loader__load_uprobes(struct loader *l)
{
	if (l->uprobes)
		loader_uprobes__load_all(l->uprobes);
}

static void add_ports(uint8_t *bits, const struct selection *s)
{
	for (size_t i = 0; s && i < s->n_ports; i++)
		bits[s->ports[i] >> 3] |= 1 << (s->ports[i] & 7);
}

void loader__set_ports(struct loader *l, const struct selection *include,
		       const struct selection *exclude)
{
	uint8_t *bits = l->skel->bss->red_ports;

	memset(bits, 0, sizeof(l->skel->bss->red_ports));
	add_ports(bits, include);
	add_ports(bits, exclude);
}

/* It stays: user space knows whether a rule still asks for it. */
int loader__watch_cgroups(struct loader *l)
{
	struct bpf_program *p = l->skel->progs.tp_cgroup;

	for (size_t i = 0; i < l->n_links; i++)
		if (l->linked[i] == p)
			return 0;
	return bpf_program__autoload(p) ? attach_and_keep(l, p) : -ENOTSUP;
}

int loader__poll(struct loader *l, uint64_t sk, uint64_t conn_id, enum red_poll_cmd cmd,
		 uint16_t layer, uint16_t data_cap)
{
	uint64_t off = cmd == RED_POLL_MODE_FRAMES ? data_cap : 0;
	uint64_t args[4] = { sk, conn_id, cmd, red_place(layer, off) };
	int rc = run_command(l->poll_fd, args, sizeof(args));

	return rc < 0 ? -ENOENT : rc;
}

void loader__answered(struct loader *l, uint64_t sk, uint64_t conn_id, uint64_t off)
{
	uint64_t args[4] = { sk, conn_id, RED_POLL_ANSWERED, off };

	if (l->skel->rodata->red_cfg.propagate)
		run_command(l->poll_fd, args, sizeof(args));
}

int loader__propagation(struct loader *l, struct loader_propagation *out, const char **why)
{
	struct redeye_bpf *s = l->skel;
	size_t i;

	for (i = 0; i < l->n_missing; i++) {
		*why = l->missing[i].why;
		if (!strcmp(l->missing[i].prog, "prop_sockops") ||
		    !strcmp(l->missing[i].prog, "prop_msg"))
			return -ENOTSUP;
	}
	*out = (struct loader_propagation){
		.sockops = s->progs.prop_sockops,
		.rearm = bpf_program__fd(s->progs.prop_rearm) < 0 ? NULL : s->progs.prop_rearm,
		.socks_fd = bpf_map__fd(s->maps.prop_socks),
		.msg_fd = bpf_program__fd(s->progs.prop_msg),
		.hash_fd = bpf_map__fd(s->maps.prop_hash),
		.stats_fd = bpf_map__fd(s->maps.prop_stats),
		.regular_fd = bpf_map__fd(s->maps.regular),
		.once = &s->bss->red_prop_once,
		.leaves = &s->bss->red_prop_leaves,
		.off = &s->bss->red_prop_off,
		.lost_ns = (volatile uint64_t *)&s->bss->red_serving_lost,
	};
	return 0;
}

static void fill_stat(struct loader_prog_stat *out, const char *name, int fd)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	bpf_obj_get_info_by_fd(fd, &info, &len);
	out->name = name;
	out->run_cnt = info.run_cnt;
	out->run_ns = info.run_time_ns;
	out->recursion_misses = info.recursion_misses;
}

bool loader__prog_stat(const struct loader *l, size_t i, struct loader_prog_stat *out)
{
	const struct uprobe_program *u = NULL;

	out->uprobe = i >= l->n_links;
	if (!out->uprobe) {
		fill_stat(out, bpf_program__name(l->linked[i]), bpf_program__fd(l->linked[i]));
		return true;
	}
	if (l->uprobes)
		u = loader_uprobes__nth(l->uprobes, i - l->n_links);
	if (u)
		fill_stat(out, u->name, u->fd);
	return u;
}

void loader__stat(const struct loader *l, enum red_hook hook, struct red_stat *out)
{
	loader_counts__stat(l->counts, hook, out);
}

uint64_t loader__share_refused(const struct loader *l, uint32_t place)
{
	return loader_counts__refused(l->counts, place);
}

struct ring *loader__ring(const struct loader *l, uint64_t *size, int *fd)
{
	*size = bpf_map__max_entries(l->skel->maps.ring);
	*fd = bpf_map__fd(l->skel->maps.ring);
	return l->ring;
}

uint32_t loader__conns_used(const struct loader *l, uint32_t *max)
{
	*max = bpf_map__max_entries(l->skel->maps.conns);
	return __atomic_load_n(&l->skel->bss->red_conns_cnt, __ATOMIC_RELAXED);
}

/* "without tp_exit (Invalid argument), ..."; nothing when nothing is missing. */
static void tell_missing(const struct loader *l, char *why, size_t why_size)
{
	size_t len = 0;

	for (size_t i = 0; i < l->n_missing && len < why_size; i++)
		len += snprintf(why + len, why_size - len, "%s%s (%s)", i ? ", " : "without ",
				l->missing[i].prog, l->missing[i].why);
}

int loader__try(enum backend_id id, char *why, size_t why_size)
{
	struct loader_config c = {
		.backend = id,
		.max_connections = 64,
		.ring_bytes = 65536,
		.watch_cgroups = true,
	};
	struct loader *l = loader__new(&c, why, why_size);

	if (!l)
		return -errno;
	tell_missing(l, why, why_size);
	loader__free(l);
	return 0;
}

int loader__try_uprobes(char *why, size_t why_size)
{
	struct loader_config c = { .max_connections = 64, .ring_bytes = 65536, .tls = true };
	struct loader *l = loader__new(&c, why, why_size);
	int rc;

	if (!l)
		return -errno;
	rc = loader_uprobes__try(l->uprobes, why, why_size);
	loader__free(l);
	return rc;
}
