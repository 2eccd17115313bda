/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who a process is for telemetry. Several processes (workers of one server)
 * share one service. Owned by procs.c, interned: two equal services are one
 * pointer, which stays valid until every process and every series that refers
 * to it has dropped its reference. Event loop only.
 */
#ifndef RED_SERVICE_H
#define RED_SERVICE_H

#include <stdint.h>

struct resource_attr {
	const char *key, *value;
};

enum { SERVICE_ATTRS_MAX = 64 };

/* What else is known of where a service runs. Never changed; shared by counting. */
struct service_attrs {
	uint32_t refs, n;
	struct resource_attr v[]; /* sorted by key, each once */
};

struct service {
	uint32_t refs;
	uint32_t names;              /* of them, those of service__ref_name() */
	uint32_t id;                 /* unique while redeye runs */
	const char *name;            /* service.name, never empty */
	const char *namespace;       /* service.namespace, "" when unknown */
	const char *instance;        /* service.instance.id, "" when not surely known */
	struct service_attrs *attrs; /* NULL: none. No part of what makes two services equal */
};

/* Returns the one service of these three strings with a reference taken, or
 * NULL with errno ENOMEM. NULL strings count as "". */
struct service *service__get(const char *name, const char *namespace, const char *instance);
struct service *service__ref(struct service *s);
void service__put(struct service *s); /* accepts NULL */

/* The same of a name that a process may have again, and has not now: that is no reason to keep
 * what was counted under it. */
struct service *service__ref_name(struct service *s);
void service__put_name(struct service *s); /* accepts NULL */

/* Takes a reference to `a` (NULL: none). The latest that is said of a service counts. */
void service__set_attrs(struct service *s, struct service_attrs *a);

/* Copies n attributes that are sorted by key. NULL: out of memory. */
struct service_attrs *service_attrs__new(const struct resource_attr *v, uint32_t n);
void service_attrs__put(struct service_attrs *a); /* accepts NULL */

#endif /* RED_SERVICE_H */
