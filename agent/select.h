/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which processes are watched. A process is a target when `include` matches it
 * by any of its rules and `exclude` by none. redeye itself and kernel threads
 * never match (procs.c sees to that).
 *
 *   pid      the number is in the list, and the process had it when the rules were set:
 *            who gets it afterwards is another one (procs_pids.c). A process started by a
 *            listed one is selected too, whatever it executes, however deep.
 *   exe      a glob on what /proc/PID/exe points to, without " (deleted)"; `*`
 *            also crosses '/'. A glob without '/' is tried on the base name too.
 *   cgroup   a path as in /proc/PID/cgroup, on any of its lines (v1 and v2), or
 *            a glob on one. Both match the group and everything below it. A
 *            path below /sys/fs/cgroup is mapped into its hierarchy:
 *            /sys/fs/cgroup/A/B is A/B in v2 (also below .../unified), and B in
 *            the v1 hierarchy A.
 *   port     the process holds a TCP socket that listens on the port in its own
 *            network namespace. A child keeps the match until it executes
 *            something else (a PostgreSQL backend holds no listening socket).
 *   pod      of the pod that the process is in: its namespace, a label, an annotation, or
 *            the image of its container, with and without its tag; a glob without '/' is
 *            tried on the last part of the image's name too. An annotation
 *            redeye.dev/instrument says "true" or "false" for its pod.
 *   all      every process.
 *
 * What happens to a match over time:
 *   fork     the child inherits every reason of its parent.
 *   exec     exe, cgroup, pod, all and exclude are asked again; port is kept only if
 *            the process still holds a listening socket; pid is kept always.
 *   start    redeye finds older processes as if it had seen them being forked:
 *            children of a pid match, and children of a port match that run the
 *            same executable, are selected. (The parent must still live.)
 *
 * `exclude` on a pid means that one process, not its children.
 */
#ifndef RED_SELECT_H
#define RED_SELECT_H

#include <stdbool.h>
#include <stdint.h>

struct k8s_container;
struct k8s_pod;
struct procfs;
struct selection;

enum select_reason {
	SELECT_PID = 1 << 0,
	SELECT_EXE = 1 << 1,
	SELECT_CGROUP = 1 << 2,
	SELECT_PORT = 1 << 3,
	SELECT_ALL = 1 << 4,
	SELECT_INHERITED = 1 << 5, /* it was the parent's match */
	SELECT_POD = 1 << 6,
};

/* What the rules look at. */
struct select_facts {
	uint32_t tgid;             /* 0: not the process that a rule with its number means */
	uint32_t root;             /* the ancestor whose pid match this process inherits; 0 none */
	uint16_t port;             /* the listening port it is known for; 0 none */
	bool port_inherited;       /* ... which its parent holds or held */
	const char *exe;           /* "" when not readable */
	const char *cgroups;       /* text of /proc/PID/cgroup, "" when not readable */
	const struct k8s_pod *pod; /* NULL: it is in none that is known */
	const struct k8s_container *container; /* of the pod; NULL: not known */
};

/* The reasons why `s` matches, 0 when it does not. */
uint32_t select__match(const struct selection *s, const struct select_facts *f);

bool select__has_pods(const struct selection *s); /* some rule of it is about pods */
/* What the pod says of itself: 1 instrument, 0 do not, -1 nothing. */
int select__instrument(const struct k8s_pod *pod);
bool select__image_matches(const char *glob, const char *image);
bool select__has_pid(const struct selection *s, uint32_t tgid);
bool select__has_port(const struct selection *s, uint16_t port);
bool select__exe_matches(const char *glob, const char *exe);
bool select__cgroup_matches(const char *arg, const char *cgroups);

/*
 * Listening sockets, for one scan: each network namespace's table is read at
 * most once, and only of the ports that one of the two selections names.
 */
struct listeners;
struct listeners *listeners__new(const struct procfs *fs, const struct selection *include,
				 const struct selection *exclude);
void listeners__free(struct listeners *l); /* accepts NULL */

struct listeners_held {
	uint16_t include, exclude; /* a port of that selection the process listens on; 0 none */
};
/* An unreadable or vanished process holds nothing. */
struct listeners_held listeners__held(struct listeners *l, uint32_t tgid);

#endif /* RED_SELECT_H */
