// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The container and the pod that a process is in, and what they add to its name. A process is
 * looked at once; its pod may be known later, or change, and is asked again whenever it does.
 * One that is no longer known, since it was deleted, leaves the names that it gave.
 */
#include "procs_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "k8s_table.h"
#include "service.h"

void procs__look_cgroups(struct procs *p, uint32_t tgid, struct look *l)
{
	ssize_t n = procfs__read(&p->fs, tgid, "cgroup", l->cgroups, sizeof(l->cgroups));

	l->has_cgroups = true;
	container__parse(&l->container, l->cgroups, n > 0 ? n : 0);
	l->pod = p->c.pods ? k8s_table__of(p->c.pods, &l->container) : NULL;
}

void procs__set_container(struct proc *proc, const struct container *c)
{
	bool there = c && (*c->id || *c->pod_uid);

	if (there && !proc->container)
		proc->container = malloc(sizeof(*c));
	if (there && proc->container) {
		*proc->container = *c;
		return;
	}
	free(proc->container);
	proc->container = NULL;
}

static const char *first(const char *a, const char *b)
{
	return *a ? a : b;
}

static bool same_attrs(const struct service_attrs *a, const struct k8s_identity *id)
{
	if ((a ? a->n : 0) != id->n)
		return false;
	for (uint32_t i = 0; i < id->n; i++)
		if (strcmp(a->v[i].key, id->attrs[i].key) != 0 ||
		    strcmp(a->v[i].value, id->attrs[i].value) != 0)
			return false;
	return true;
}

static void set_attrs(struct service *s, const struct k8s_identity *id)
{
	struct service_attrs *a;

	if (same_attrs(s->attrs, id))
		return;
	a = service_attrs__new(id->attrs, id->n);
	if (!a)
		return;
	service__set_attrs(s, a);
	service_attrs__put(a);
}

/* What the process says of itself, then what its pod says, then what it was started as. */
static struct service *in_container(struct procs *p, const struct proc *proc)
{
	static const struct k8s_naming by_default;
	const struct service *base = proc->base;
	struct k8s_identity *id = &p->identity;
	const char *name;
	struct service *s;

	k8s_identity__of(id, proc->container,
			 p->c.pods ? k8s_table__of(p->c.pods, proc->container) : NULL,
			 p->c.naming ? p->c.naming : &by_default);
	name = proc->name_is_its_own ? base->name : first(id->name.service, base->name);
	s = service__get(name, first(base->namespace, id->name.namespace),
			 first(base->instance, id->name.instance));
	if (s)
		set_attrs(s, id);
	return s;
}

void procs__identify(struct procs *p, struct proc *proc)
{
	struct service *s = proc->container ? in_container(p, proc) : NULL;

	procs__set_name(&proc->own, s ? s : service__ref(proc->base));
	procs__apply_names(p, proc);
}

void procs__pods_changed(struct procs *p)
{
	for (uint32_t i = 0; p->c.pods && i <= p->mask; i++) {
		for (struct proc *proc = p->buckets[i]; proc; proc = proc->next) {
			if (!proc->container || !k8s_table__of(p->c.pods, proc->container))
				continue;
			procs__identify(p, proc);
			if (proc->target)
				procs__announce(p, proc);
		}
	}
}
