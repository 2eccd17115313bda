// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "propagate.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader.h"
#include "loop.h"
#include "metrics.h"
#include "options.h"
#include "propagate_internal.h"
#include "self_builder.h"

/* Refusals of the kernel in a minute that are too many to be chance. */
#define MAX_PUSH_FAILED 16
#define MAX_HASH_FULL   64
#define REFUSALS_NS     60000000000ull

struct propagate {
	struct loader *loader;
	struct loader_propagation k;
	enum propagate_state state;
	struct bpf_link *links[MAX_CGROUPS];
	size_t n_links;
	bool hash_attached;
	struct guard guard;
	struct bpf_link *rearm;
	uint64_t rearm_ns;              /* not before */
	bool told;                      /* that it is off */
	struct propagate_counts before; /* of the canary */
	struct refusals refusals;
	char why[256];
};

const char *const propagate_outcomes[RED_PROP__CNT] = {
	[RED_PROP_INJECTED] = "injected",
	[RED_PROP_NOT_HTTP] = "not_http",
	[RED_PROP_HAS_CONTEXT] = "has_context",
	[RED_PROP_SPLIT] = "split_head",
	[RED_PROP_ODD] = "odd_head",
	[RED_PROP_TUNNEL] = "upgrade",
	[RED_PROP_PIPELINED] = "pipelined",
	[RED_PROP_BUSY] = "socket_busy",
	[RED_PROP_LOST] = "position_lost",
	[RED_PROP_UNKNOWN] = "unknown_connection",
	[RED_PROP_FOREIGN] = "foreign_parent",
	[RED_PROP_NOT_SELECTED] = "not_selected",
	[RED_PROP_RACE] = "race",
	[RED_PROP_RING_FULL] = "ring_full",
	[RED_PROP_PUSH_FAILED] = "refused_by_kernel",
	[RED_PROP_SOCKETS] = "taken",
	[RED_PROP_REMOVED] = "returned",
	[RED_PROP_HASH_FULL] = "refused",
	[RED_PROP_NOT_COUNTED] = "uncounted",
};

int propagate_counts__read(const struct loader_propagation *k, struct propagate_counts *out)
{
	int n = libbpf_num_possible_cpus(), cpu, i, err = 0;
	struct propagate_counts *percpu = n > 0 ? calloc(n, sizeof(*percpu)) : NULL;
	uint32_t zero = 0;

	memset(out, 0, sizeof(*out));
	if (!percpu)
		return -ENOMEM;
	if (bpf_map_lookup_elem(k->stats_fd, &zero, percpu))
		err = -errno;
	for (cpu = 0; !err && cpu < n; cpu++)
		for (i = 0; i < RED_PROP__CNT; i++)
			out->n[i] += percpu[cpu].n[i];
	free(percpu);
	return err;
}

/* ---- attaching ------------------------------------------------------------------------- */

static int attach_dir(struct propagate *p, const char *path)
{
	char dir[1280];
	int err = cgroup__dir(dir, sizeof(dir), path), fd;
	struct bpf_link *link;

	if (err)
		return err;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	link = bpf_program__attach_cgroup(p->k.sockops, fd);
	err = link ? 0 : -errno;
	close(fd);
	if (link)
		p->links[p->n_links++] = link;
	return err;
}

/* Only processes of certain cgroups are selected, and these are known by their paths. */
static bool only_cgroups(const struct selection *s)
{
	size_t i;

	if (s->all || s->n_pids || s->n_ports || s->exes.n || !s->cgroups.n ||
	    s->cgroups.n > MAX_CGROUPS)
		return false;
	for (i = 0; i < s->cgroups.n; i++)
		if (strpbrk(s->cgroups.v[i], "*?["))
			return false;
	return true;
}

static void detach_cgroups(struct propagate *p)
{
	while (p->n_links)
		bpf_link__destroy(p->links[--p->n_links]);
}

/* To the selected cgroups if they are all in v2, else to the root: there the programs
 * see every connection, and leave those of other processes alone. */
static int attach_cgroups(struct propagate *p, const struct selection *s)
{
	size_t i = 0;
	int err = 0;

	if (only_cgroups(s))
		while (i < s->cgroups.n && !err)
			err = attach_dir(p, s->cgroups.v[i++]);
	if (i && !err)
		return 0;
	detach_cgroups(p);
	return attach_dir(p, "/");
}

/* Sockets leave the sockhash whole: the kernel gives them back their own functions.
 * They leave before the sock_ops program does (propagate_guard.c says why). */
static void detach(struct propagate *p)
{
	bpf_link__destroy(p->rearm);
	p->rearm = NULL;
	if (p->hash_attached)
		propagation__empty(&p->k);
	detach_cgroups(p);
	guard__stop(&p->guard);
	if (p->hash_attached)
		bpf_prog_detach2(p->k.msg_fd, p->k.hash_fd, BPF_SK_MSG_VERDICT);
	p->hash_attached = false;
}

static void refuse(struct propagate *p, const char *what, const char *why)
{
	p->state = PROPAGATE_OFF;
	snprintf(p->why, sizeof(p->why), "%s%s%s", what, *why ? ": " : "", why);
	detach(p);
}

/* ---- starting --------------------------------------------------------------------------- */

/* In each way in turn: all requests; only the first of each connection. */
static void try_canary(struct propagate *p)
{
	char why[200] = "";

	*p->k.once = 0;
	if (!canary__run(p->loader, &p->k, p->why, sizeof(p->why))) {
		p->state = PROPAGATE_EVERY;
		p->why[0] = 0;
		return;
	}
	*p->k.once = 1;
	if (!canary__run(p->loader, &p->k, why, sizeof(why)))
		p->state = PROPAGATE_FIRST;
	else
		refuse(p, "the canary failed", why);
}

static void start(struct propagate *p)
{
	const char *why = "";
	int err = loader__propagation(p->loader, &p->k, &why);

	if (err) {
		refuse(p, "the kernel refused the programs", why);
		return;
	}
	err = bpf_prog_attach(p->k.msg_fd, p->k.hash_fd, BPF_SK_MSG_VERDICT, 0);
	if (err) {
		refuse(p, "the kernel refused sk_msg", strerror(errno));
		return;
	}
	p->hash_attached = true;
	try_canary(p);
	propagate_counts__read(&p->k, &p->before);
	p->refusals = (struct refusals){ .since = p->before, .since_ns = mono_ns() };
}

static int start_guard(struct propagate *p)
{
	int links[MAX_CGROUPS];
	size_t i;

	for (i = 0; i < p->n_links; i++)
		links[i] = bpf_link__fd(p->links[i]);
	return guard__start(&p->guard, &p->k, links, p->n_links);
}

static void attach(struct propagate *p, const struct selection *include)
{
	int err = attach_cgroups(p, include);

	if (err) {
		refuse(p, "no cgroup to attach to", strerror(-err));
		return;
	}
	err = start_guard(p);
	if (err)
		refuse(p, "no process to guard it", strerror(-err));
}

/* Tried, and not attached to anything but its own connections. */
static struct propagate *fit(struct loader *l)
{
	struct propagate *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->loader = l;
	start(p);
	return p;
}

/* Takes in again sockets that left within a send, and are idle. */
static void start_rearming(struct propagate *p)
{
	union bpf_iter_link_info info = { .map.map_fd = p->k.socks_fd };
	LIBBPF_OPTS(bpf_iter_attach_opts, o, .link_info = &info, .link_info_len = sizeof(info));

	if (p->state != PROPAGATE_OFF && p->k.rearm)
		p->rearm = bpf_program__attach_iter(p->k.rearm, &o);
}

struct propagate *propagate__new(struct loader *l, const struct selection *include)
{
	struct propagate *p = fit(l);

	if (p && p->state != PROPAGATE_OFF) {
		attach(p, include);
		start_rearming(p);
	}
	if (p)
		p->told = p->state == PROPAGATE_OFF; /* by its state */
	return p;
}

void propagate__free(struct propagate *p)
{
	if (!p)
		return;
	detach(p);
	free(p);
}

/* ---- use ---------------------------------------------------------------------------------- */

enum propagate_state propagate__state(const struct propagate *p)
{
	return p->state;
}

const char *propagate__why(const struct propagate *p)
{
	return p->why;
}

const char *refusals__look(struct refusals *r, const struct propagate_counts *now, uint64_t now_ns)
{
	uint64_t pushes = now->n[RED_PROP_PUSH_FAILED] - r->since.n[RED_PROP_PUSH_FAILED];
	uint64_t sockets = now->n[RED_PROP_HASH_FULL] - r->since.n[RED_PROP_HASH_FULL];

	if (now_ns - r->since_ns >= REFUSALS_NS) {
		r->since = *now;
		r->since_ns = now_ns;
	}
	if (pushes > MAX_PUSH_FAILED)
		return "the kernel often refuses to insert";
	if (sockets > MAX_HASH_FULL)
		return "too many connections, or the kernel refuses them";
	return NULL;
}

static const char *anomaly(struct propagate *p)
{
	struct propagate_counts c;

	if (*p->k.off == RED_PROP_OFF_PUSH)
		return "a header could not be written where it was inserted";
	if (*p->k.off == RED_PROP_OFF_BYTES)
		return "the kernel sent fewer bytes than were inserted";
	if (guard__has_ended(&p->guard))
		return "redeye-guard has ended, and must be there should redeye be killed";
	if (propagate_counts__read(&p->k, &c))
		return "its counters cannot be read";
	return refusals__look(&p->refusals, &c, mono_ns());
}

static void look(struct propagate *p)
{
	const char *why = p->state == PROPAGATE_OFF ? NULL : anomaly(p);

	if (why)
		refuse(p, why, "");
}

bool propagate__check(struct propagate *p)
{
	bool told = p->told;

	look(p);
	p->told = p->state == PROPAGATE_OFF;
	return told || !p->told;
}

/* A walk takes some 100 ns for each connection of the selected processes; at most a
 * twentieth of a processor goes into walks. */
void propagate__tick(struct propagate *p, uint64_t now_ns)
{
	char none[64];
	int fd;

	if (!p->rearm || now_ns < p->rearm_ns || !(*p->k.once || *p->k.leaves))
		return;
	fd = bpf_iter_create(bpf_link__fd(p->rearm));
	if (fd < 0)
		return;
	while (read(fd, none, sizeof(none)) > 0)
		;
	close(fd);
	p->rearm_ns = now_ns + 20 * (mono_ns() - now_ns);
}

void propagate__reselect(struct propagate *p, const struct selection *include)
{
	look(p); /* what went wrong in the last second is not forgotten by a reload */
	if (p->state == PROPAGATE_OFF)
		return;
	propagation__empty(&p->k);
	detach_cgroups(p);
	guard__stop(&p->guard);
	*p->k.off = RED_PROP_ON;
	attach(p, include);
}

void propagate__set_regular(struct propagate *p, uint32_t tgid, const uint8_t addr[16],
			    uint16_t port, bool on)
{
	struct red_regular key = { .tgid = tgid, .port = port };
	uint8_t one = 1;

	if (p->state == PROPAGATE_OFF)
		return;
	memcpy(key.addr, addr, sizeof(key.addr));
	if (on)
		bpf_map_update_elem(p->k.regular_fd, &key, &one, BPF_ANY);
	else
		bpf_map_delete_elem(p->k.regular_fd, &key);
}

enum propagate_state propagate__try(char *why, size_t why_size)
{
	struct loader_config c = {
		.max_connections = 1024,
		.ring_bytes = 1 << 20,
		.propagate = true,
	};
	struct loader *l = loader__new(&c, why, why_size);
	struct propagate *p = l ? fit(l) : NULL;
	enum propagate_state state = p ? p->state : PROPAGATE_OFF;

	if (p)
		snprintf(why, why_size, "%s", p->why);
	propagate__free(p);
	loader__free(l);
	return state;
}

/* ---- metrics ------------------------------------------------------------------------------ */

static void add_counts(const struct propagate *p, struct self_builder *b)
{
	struct metric_family *f[2] = {
		self__family(b, "redeye.propagation.requests", "{request}", METRIC_COUNTER,
			     RED_PROP_SOCKETS,
			     "Requests that could have been given a trace context."),
		self__family(b, "redeye.propagation.connections", "{connection}", METRIC_COUNTER,
			     RED_PROP__CNT - RED_PROP_SOCKETS,
			     "Connections watched for requests to give a trace context."),
	};
	struct self_label l[] = { { NULL, NULL }, { NULL, NULL } };
	struct propagate_counts c;
	int i;

	if (!p->k.stats_fd || propagate_counts__read(&p->k, &c))
		return;
	for (i = 0; i < RED_PROP__CNT; i++) {
		l[0].key = i < RED_PROP_SOCKETS ? "outcome" : "event";
		l[0].value = propagate_outcomes[i];
		self__point(b, f[i >= RED_PROP_SOCKETS], c.n[i] - p->before.n[i], l);
	}
}

void propagate__metrics(const struct propagate *p, struct self_builder *b)
{
	static const char *const modes[] = { "off", "every_request", "first_request" };
	struct self_label l[] = { { "mode", NULL }, { NULL, NULL } };
	struct metric_family *f;
	size_t i;

	if (!p)
		return;
	f = self__family(b, "redeye.propagation.mode", "{mode}", METRIC_GAUGE, 3,
			 "1 for how trace context is written into requests now.");
	for (i = 0; i < 3; i++) {
		l[0].value = modes[i];
		self__point(b, f, p->state == i, l);
	}
	add_counts(p, b);
}
