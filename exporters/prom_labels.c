// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The label set of one series. Prometheus refuses a whole scrape for one label
 * name that comes twice, and attribute keys and values come from the observed
 * traffic, so uniqueness and valid UTF-8 are made here, for every format alike:
 *
 *   two attributes with one name after translation   values joined by `;`
 *   an attribute with a name that we set ourselves   exported_NAME, as Prometheus
 *                                                    does it for a target's labels
 */
#include "prom_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Not ours to give to an attribute even where we do not set them. */
static const char *const reserved[] = { "job", "instance", "le", NULL };

/* Bytes from the first on that are printable ASCII, as nearly all are. */
static size_t plain(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= 0x20 && s[i] < 0x7f)
		i++;
	return i;
}

void prom_labels__clean(struct buf *out, const char *s)
{
	size_t n = strlen(s), len;
	uint32_t cp;

	for (; n; s += len, n -= len) {
		len = plain(s, n);
		if (len) {
			buf__append(out, s, len);
			continue;
		}
		len = utf8_next(s, n, &cp);
		if (len && (utf8_printable(cp) || cp == '\n' || cp == '\t'))
			buf__append(out, s, len);
		else
			buf__puts(out, REPLACEMENT);
		len += len == 0;
	}
}

static struct prom_label *list(const struct prom_labels *l)
{
	return (struct prom_label *)l->list.p;
}

size_t prom_labels__count(const struct prom_labels *l)
{
	return l->list.len / sizeof(struct prom_label);
}

const char *prom_labels__name(const struct prom_labels *l, size_t i)
{
	return l->text.p + list(l)[i].name;
}

const char *prom_labels__value(const struct prom_labels *l, size_t i)
{
	return l->text.p + list(l)[i].value;
}

int prom_labels__err(const struct prom_labels *l)
{
	return l->text.err ? l->text.err : l->list.err;
}

void prom_labels__free(struct prom_labels *l)
{
	buf__free(&l->text);
	buf__free(&l->list);
}

static void reset(struct prom_labels *l)
{
	buf__reset(&l->text);
	buf__reset(&l->list);
	l->n_fixed = 0;
}

/* The label of that name, or the count. */
static size_t find(const struct prom_labels *l, const char *name)
{
	size_t i, n = prom_labels__count(l);

	for (i = 0; i < n && strcmp(prom_labels__name(l, i), name) != 0; i++)
		;
	return i;
}

static bool taken(const struct prom_labels *l, const char *name)
{
	for (size_t i = 0; reserved[i]; i++) {
		if (!strcmp(reserved[i], name))
			return true;
	}
	return find(l, name) < l->n_fixed;
}

static void add_fixed(struct prom_labels *l, const char *name, const char *value)
{
	struct prom_label label = { .name = l->text.len };

	buf__append(&l->text, name, strlen(name) + 1);
	label.value = l->text.len;
	prom_labels__clean(&l->text, value);
	buf__putc(&l->text, '\0');
	buf__append(&l->list, &label, sizeof(label));
	l->n_fixed++;
}

/* Writes the attribute's translated name to the end of the text; returns where it is. */
static size_t put_name(struct prom_labels *l, const char *key)
{
	static const char exported[] = "exported_";
	size_t at = l->text.len;

	prom_name__label(&l->text, key);
	buf__putc(&l->text, '\0');
	if (prom_labels__err(l) || !taken(l, l->text.p + at))
		return at;
	l->text.len = at;
	buf__append(&l->text, exported, strlen(exported));
	prom_name__label(&l->text, key);
	buf__putc(&l->text, '\0');
	return at;
}

static void put_value(struct prom_labels *l, const struct metric_attr *a)
{
	switch (a->type) {
	case ATTR_STRING:
		prom_labels__clean(&l->text, a->str);
		break;
	case ATTR_INT:
		buf__printf(&l->text, "%" PRId64, a->num);
		break;
	case ATTR_BOOL:
		buf__puts(&l->text, a->num ? "true" : "false");
		break;
	}
	buf__putc(&l->text, '\0');
}

/* "old;" before the value about to be written: those of one name stay in key order. */
static void put_joined(struct prom_labels *l, size_t old)
{
	size_t len = strlen(l->text.p + old);
	char *room = buf__room(&l->text, len + 1);

	if (!room)
		return;
	memcpy(room, l->text.p + old, len);
	room[len] = ';';
	l->text.len += len + 1;
}

static void add_attr(struct prom_labels *l, const struct metric_attr *a)
{
	struct prom_label label = { .name = put_name(l, a->key) };
	size_t i;

	if (prom_labels__err(l))
		return;
	label.value = l->text.len;
	i = find(l, l->text.p + label.name);
	if (i < prom_labels__count(l)) {
		put_joined(l, list(l)[i].value);
		list(l)[i] = label;
	} else {
		buf__append(&l->list, &label, sizeof(label));
	}
	put_value(l, a);
}

/*
 * An empty instance is left out: Prometheus then fills in the address of this
 * agent, which keeps apart what two nodes say about one service.
 */
static void add_identity(struct prom_labels *l, const struct metric_resource *r)
{
	struct buf job = { 0 };

	if (*r->service_namespace)
		buf__printf(&job, "%s/", r->service_namespace);
	buf__append(&job, r->service_name, strlen(r->service_name) + 1);
	if (job.err)
		l->text.err = job.err;
	else
		add_fixed(l, "job", job.p);
	buf__free(&job);
	if (*r->service_instance_id)
		add_fixed(l, "instance", r->service_instance_id);
}

void prom_labels__of_target(struct prom_labels *l, const struct metric_resource *r)
{
	reset(l);
	add_identity(l, r);
	for (uint32_t i = 0; i < r->n_attrs; i++)
		add_attr(l, &r->attrs[i]);
}

void prom_labels__of_point(struct prom_labels *l, const struct metric_point *p, unsigned int flags)
{
	reset(l);
	if (p->resource) {
		add_identity(l, p->resource);
		add_fixed(l, "service_name", p->resource->service_name);
		if (*p->resource->service_namespace)
			add_fixed(l, "service_namespace", p->resource->service_namespace);
	}
	if (!(flags & PROM_NO_SCOPE)) {
		add_fixed(l, "otel_scope_name", "redeye");
		add_fixed(l, "otel_scope_version", REDEYE_VERSION);
	}
	for (uint32_t i = 0; i < p->n_attrs; i++)
		add_attr(l, &p->attrs[i]);
}
