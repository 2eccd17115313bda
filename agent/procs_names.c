// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the service of a process is called. */
#include "procs_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procname.h"
#include "redeye.h"
#include "service.h"

void procs__set_service(struct service **slot, struct service *s)
{
	service__put(*slot);
	*slot = s;
}

void procs__set_name(struct service **slot, struct service *s)
{
	service__ref_name(s);
	service__put(s);
	service__put_name(*slot);
	*slot = s;
}

static void set_exe(struct proc *proc, const char *exe)
{
	char *copy = strcmp(proc->exe, exe) ? strdup(exe) : NULL;

	if (!copy)
		return;
	free(proc->exe);
	proc->exe = copy;
	proc->announced = false;
}

/* The first "GLOB=NAME" that matches: the name, or NULL. */
static const char *configured_name(const struct str_list *services, const char *exe)
{
	for (size_t i = 0; i < services->n; i++) {
		const char *eq = strrchr(services->v[i], '=');
		char glob[PROCFS_EXE_MAX];
		size_t n = eq ? (size_t)(eq - services->v[i]) : 0;

		if (!eq || !eq[1] || n >= sizeof(glob))
			continue;
		memcpy(glob, services->v[i], n);
		glob[n] = 0;
		if (select__exe_matches(glob, exe))
			return eq + 1;
	}
	return NULL;
}

/* The user's name for it goes before its own. */
void procs__apply_names(struct procs *p, struct proc *proc)
{
	const char *name = configured_name(p->c.services, proc->exe);
	char clean[PROCNAME_MAX] = "";
	struct service *s;

	if (name)
		procname__clean(clean, name, strlen(name));
	s = *clean ? service__get(clean, proc->own->namespace, proc->own->instance) : NULL;
	if (s)
		service__set_attrs(s, proc->own->attrs);
	else
		s = service__ref(proc->own);
	if (s != proc->service)
		proc->announced = false;
	procs__set_service(&proc->service, s);
}

static void set_own_name(struct procs *p, struct proc *proc, const struct procname *n)
{
	struct service *s = service__get(n->service, n->namespace, n->instance);

	procs__set_name(&proc->base, s ? s : service__ref(p->unknown));
	procs__identify(p, proc);
}

static void name_by_comm(struct procname *n, const char *comm)
{
	char clean[PROCNAME_MAX];

	procname__clean(clean, comm, strnlen(comm, 16));
	snprintf(n->service, sizeof(n->service), *clean ? UNKNOWN ":%s" : UNKNOWN, clean);
}

/* The words that the kernel told of an exec; NULL: none. */
static const struct red_exec_text *words_of(const struct red_ev_proc *exec)
{
	return exec && exec->h.len > sizeof(*exec) ? (const struct red_exec_text *)(exec + 1)
						   : NULL;
}

/* Both say whether the name is from the environment. */
static bool name_by_words(struct procname *n, const char *exe, const struct red_exec_text *x)
{
	const char *args = (const char *)(x + 1);

	procname__from_environ(n, args + x->args_len, x->env_len);
	if (*n->service)
		return true;
	procname__from_program(n->service, exe, args, x->args_len);
	return false;
}

/* /proc may tell of a later exec already. What the record has is this one's, unless it was cut:
 * then half of what names it may be missing. */
static bool name_by_exec(struct procname *n, const struct red_exec_text *words)
{
	if (words && words->env_len < RED_EXEC_ENV)
		procname__from_environ(n, (const char *)(words + 1) + words->args_len,
				       words->env_len);
	return *n->service;
}

static bool name_by_proc(struct procs *p, struct procname *n, uint32_t tgid, const char *exe,
			 const struct red_exec_text *words)
{
	ssize_t env, args;

	if (name_by_exec(n, words))
		return true;
	env = procfs__read(&p->fs, tgid, "environ", p->text, sizeof(p->text));
	if (env > 0)
		procname__from_environ(n, p->text, env);
	if (*n->service)
		return true;
	args = procfs__read(&p->fs, tgid, "cmdline", p->text, sizeof(p->text));
	/* It has ended meanwhile, or never had any words. */
	if (env <= 0 && args <= 0 && words)
		return name_by_words(n, exe, words);
	procname__from_program(n->service, exe, p->text, args > 0 ? args : 0);
	return false;
}

static void name_by_unit(struct procname *n, const char *cgroups)
{
	char unit[CONTAINER_UNIT_MAX];

	container__unit(unit, cgroups, strlen(cgroups));
	if (*unit)
		procname__clean(n->service, unit, strlen(unit) - strlen(".service"));
}

/* From its environment, else its command line, else its unit, else what the kernel calls it. */
void procs__name(struct procs *p, struct proc *proc, struct look *l, const struct red_ev_proc *exec)
{
	struct procname n = { 0 };

	if (!l->has_cgroups)
		procs__look_cgroups(p, proc->tgid, l);
	set_exe(proc, l->exe);
	procs__set_container(proc, &l->container);
	proc->name_is_its_own = name_by_proc(p, &n, proc->tgid, l->exe, words_of(exec));
	if (!*n.service)
		name_by_unit(&n, l->cgroups);
	if (!*n.service)
		name_by_comm(&n, l->st.comm);
	set_own_name(p, proc, &n);
}

/* As procs__name(), from what the kernel told. */
void procs__name_gone(struct procs *p, struct proc *proc, const struct red_ev_proc *exec)
{
	const struct red_exec_text *words = words_of(exec);
	struct procname n = { 0 };

	proc->name_is_its_own = words && name_by_words(&n, "", words);
	if (!*n.service)
		name_by_comm(&n, (const char *)exec->comm);
	set_exe(proc, "");
	set_own_name(p, proc, &n);
}

void procs__name_like(struct proc *child, const struct proc *parent)
{
	set_exe(child, parent->exe);
	procs__set_container(child, parent->container);
	child->name_is_its_own = parent->name_is_its_own;
	procs__set_name(&child->base, service__ref(parent->base));
	procs__set_name(&child->own, service__ref(parent->own));
	procs__set_service(&child->service, service__ref(parent->service));
}

void procs__name_recorded(struct procs *p, struct proc *proc, const struct red_ev_process *ev)
{
	const char *s = (const char *)(ev + 1);
	struct procname n;
	char exe[PROCFS_EXE_MAX];

	procname__clean(n.service, s, ev->service_len);
	procname__clean(n.namespace, s += ev->service_len, ev->namespace_len);
	procname__clean(n.instance, s += ev->namespace_len, ev->instance_len);
	snprintf(exe, sizeof(exe), "%.*s", (int)ev->exe_len, s + ev->instance_len);
	if (!*n.service)
		name_by_comm(&n, "");
	set_exe(proc, exe);
	set_own_name(p, proc, &n);
}
