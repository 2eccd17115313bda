// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "resource.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "options.h"
#include "procname.h"
#include "service.h"
#include "hex.h"

#define INSTANCE_ID "service.instance.id"

const struct service resource__self = {
	.refs = 1, .name = "redeye", .namespace = "", .instance = ""
};

/* ---- the set -------------------------------------------------------------- */

/* Where the key is, or where it belongs. */
static uint32_t place_of(const struct resource_attr *v, uint32_t n, const char *key)
{
	uint32_t i = 0;

	while (i < n && strcmp(v[i].key, key) < 0)
		i++;
	return i;
}

static void free_attr(struct resource_attr *a)
{
	free((char *)a->key);
	free((char *)a->value);
}

static int set(struct resource_attrs *r, const char *key, const char *value)
{
	struct resource_attr a = { strdup(key), strdup(value) };
	uint32_t i = place_of(r->v, r->n, key);
	bool there = i < r->n && !strcmp(r->v[i].key, key);

	if (!a.key || !a.value || (!there && r->n == RESOURCE_ATTRS_MAX)) {
		bool memory = a.key && a.value;

		free_attr(&a);
		return memory ? 0 : -ENOMEM;
	}
	if (there) {
		free_attr(&r->v[i]);
	} else {
		memmove(&r->v[i + 1], &r->v[i], (r->n - i) * sizeof(a));
		r->n++;
	}
	r->v[i] = a;
	return 0;
}

/* ---- what is configured --------------------------------------------------- */

/* Decodes and cleans; a '%' without two hex digits stays as it is. */
static void decode(char out[PROCNAME_MAX], const char *s, size_t len)
{
	char raw[4 * PROCNAME_MAX];

	procname__clean(out, raw, percent_decode(raw, sizeof(raw), (struct slice){ s, len }));
}

static int set_configured(struct resource_attrs *r, const char *member)
{
	char key[PROCNAME_MAX], value[PROCNAME_MAX];
	size_t n = strcspn(member, "=");

	if (!member[n])
		return 0;
	decode(key, member, n);
	decode(value, member + n + 1, strlen(member + n + 1));
	return *key ? set(r, key, value) : 0;
}

/* ---- what is so ----------------------------------------------------------- */

static int set_host_id(struct resource_attrs *r)
{
	FILE *f = fopen("/etc/machine-id", "re");
	char text[64] = "", id[PROCNAME_MAX];

	if (!f)
		return 0;
	if (!fgets(text, sizeof(text), f))
		*text = 0;
	fclose(f);
	procname__clean(id, text, strlen(text));
	return *id ? set(r, "host.id", id) : 0;
}

/* The conventions' names of architectures, where they differ from the kernel's. */
static const char *arch_name(const char *machine)
{
	return !strcmp(machine, "x86_64")    ? "amd64"
	       : !strcmp(machine, "aarch64") ? "arm64"
					     : machine;
}

static int set_host(struct resource_attrs *r)
{
	struct utsname u;
	char name[PROCNAME_MAX];
	int err;

	if (uname(&u))
		return 0;
	procname__clean(name, u.nodename, strlen(u.nodename));
	err = set(r, "host.arch", arch_name(u.machine));
	if (!err && *name)
		err = set(r, "host.name", name);
	return err ? err : set_host_id(r);
}

static int set_fixed(struct resource_attrs *r)
{
	static const struct resource_attr fixed[] = {
		{ "os.type", "linux" },
		{ "telemetry.distro.name", "redeye" },
		{ "telemetry.distro.version", REDEYE_VERSION },
		{ "telemetry.sdk.language", "c" },
		{ "telemetry.sdk.name", "redeye" },
		{ "telemetry.sdk.version", REDEYE_VERSION },
	};
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(fixed) / sizeof(*fixed) && !err; i++)
		err = set(r, fixed[i].key, fixed[i].value);
	return err;
}

static const char *get(const struct resource_attrs *r, const char *key)
{
	uint32_t i = place_of(r->v, r->n, key);

	return i < r->n && !strcmp(r->v[i].key, key) ? r->v[i].value : "";
}

/*
 * Which one of the services of a name: where none is known, the host's, which has but one. Who
 * tells series apart by service alone, as Prometheus does with OTLP, would else take those of
 * two hosts for one that is reset again and again.
 */
static int set_instance(struct resource_attrs *r)
{
	const char *host = get(r, "host.name");

	if (*get(r, INSTANCE_ID))
		return 0;
	return set(r, INSTANCE_ID, *host ? host : get(r, "host.id"));
}

int resource_attrs__init(struct resource_attrs *r, const struct str_list *configured)
{
	size_t i;
	int err;

	*r = (struct resource_attrs){ .v = calloc(RESOURCE_ATTRS_MAX, sizeof(*r->v)) };
	err = r->v ? set_fixed(r) : -ENOMEM;
	if (!err)
		err = set_host(r);
	if (!err)
		err = set(r, INSTANCE_ID, ""); /* now there is room for it */
	for (i = 0; configured && i < configured->n && !err; i++)
		err = set_configured(r, configured->v[i]);
	if (!err)
		err = set_instance(r);
	if (err)
		resource_attrs__free(r);
	return err;
}

void resource_attrs__free(struct resource_attrs *r)
{
	uint32_t i;

	for (i = 0; i < r->n; i++)
		free_attr(&r->v[i]);
	free(r->v);
	*r = (struct resource_attrs){ 0 };
}

/* ---- of a service --------------------------------------------------------- */

static uint32_t put_own(struct resource_attr *v, uint32_t n, const char *key, const char *value)
{
	uint32_t i = place_of(v, n, key);

	if (!*value)
		return n;
	if (i == n || strcmp(v[i].key, key) != 0) {
		memmove(&v[i + 1], &v[i], (n - i) * sizeof(*v));
		n++;
	}
	v[i] = (struct resource_attr){ key, value };
	return n;
}

uint32_t resource__of(const struct resource_attrs *r, const struct service *s,
		      struct resource_attr out[RESOURCE_MAX])
{
	uint32_t n = r ? r->n : 0;

	if (n)
		memcpy(out, r->v, n * sizeof(*out));
	for (uint32_t i = 0; s->attrs && i < s->attrs->n; i++)
		n = put_own(out, n, s->attrs->v[i].key, s->attrs->v[i].value);
	n = put_own(out, n, INSTANCE_ID, s->instance);
	n = put_own(out, n, "service.name", s->name);
	n = put_own(out, n, "service.namespace", s->namespace);
	return s == &resource__self ? put_own(out, n, "service.version", REDEYE_VERSION) : n;
}
