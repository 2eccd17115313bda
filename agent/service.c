// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "service.h"

#include <stdlib.h>
#include <string.h>

/* A host has tens of services, at most hundreds: a list is enough, and it is
 * walked only when a process appears. */
struct node {
	struct node *next;
	struct service s;
	char strings[];
};

static struct node *services;
static uint32_t next_id = 1;

struct service *service__get(const char *name, const char *namespace, const char *instance)
{
	size_t n, ns, in;
	struct node *node;
	char *p;

	name = name ? name : "";
	namespace = namespace ? namespace : "";
	instance = instance ? instance : "";
	for (node = services; node; node = node->next) {
		if (!strcmp(node->s.name, name) && !strcmp(node->s.namespace, namespace) &&
		    !strcmp(node->s.instance, instance))
			return service__ref(&node->s);
	}
	n = strlen(name) + 1;
	ns = strlen(namespace) + 1;
	in = strlen(instance) + 1;
	node = malloc(sizeof(*node) + n + ns + in);
	if (!node)
		return NULL;
	p = node->strings;
	node->s = (struct service){ .refs = 1, .id = next_id++ };
	node->s.name = memcpy(p, name, n);
	node->s.namespace = memcpy(p + n, namespace, ns);
	node->s.instance = memcpy(p + n + ns, instance, in);
	node->next = services;
	services = node;
	return &node->s;
}

struct service *service__ref(struct service *s)
{
	s->refs++;
	return s;
}

void service__put(struct service *s)
{
	struct node **link, *node;

	if (!s || --s->refs)
		return;
	service_attrs__put(s->attrs);
	for (link = &services; (node = *link); link = &node->next) {
		if (&node->s == s) {
			*link = node->next;
			free(node);
			return;
		}
	}
}

struct service *service__ref_name(struct service *s)
{
	s->names++;
	return service__ref(s);
}

void service__put_name(struct service *s)
{
	if (s)
		s->names--;
	service__put(s);
}

/* ---- attributes ---- */

struct service_attrs *service_attrs__new(const struct resource_attr *v, uint32_t n)
{
	size_t bytes = sizeof(struct service_attrs) + n * sizeof(*v);
	struct service_attrs *a;
	uint32_t i;
	char *at;

	for (i = 0; i < n; i++)
		bytes += strlen(v[i].key) + strlen(v[i].value) + 2;
	a = malloc(bytes);
	if (!a)
		return NULL;
	*a = (struct service_attrs){ .refs = 1, .n = n };
	at = (char *)&a->v[n];
	for (i = 0; i < n; i++) {
		a->v[i].key = at;
		at = stpcpy(at, v[i].key) + 1;
		a->v[i].value = at;
		at = stpcpy(at, v[i].value) + 1;
	}
	return a;
}

void service_attrs__put(struct service_attrs *a)
{
	if (a && !--a->refs)
		free(a);
}

void service__set_attrs(struct service *s, struct service_attrs *a)
{
	if (a)
		a->refs++;
	service_attrs__put(s->attrs);
	s->attrs = a;
}
