// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "watching.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "buf.h"

#define TEXT_MAX 4096 /* a selection may be generated, and long */

static void add_number(struct buf *b, const char *prefix, const char *flag, uint64_t number)
{
	buf__printf(b, "%s--%s%s %llu", b->len ? " " : "", prefix, flag,
		    (unsigned long long)number);
}

static void add_texts(struct buf *b, const char *prefix, const char *flag,
		      const struct str_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		buf__printf(b, "%s--%s%s %s", b->len ? " " : "", prefix, flag, list->v[i]);
}

/* The default says nothing of what somebody wanted. */
static bool is_default(const char *prefix, const struct str_list *namespaces)
{
	return *prefix && namespaces->n == 1 && !strcmp(namespaces->v[0], "kube-system");
}

static void add(struct buf *b, const char *prefix, const struct selection *s)
{
	size_t i;

	if (s->all)
		buf__printf(b, "%s--%sall", b->len ? " " : "", prefix);
	for (i = 0; i < s->n_ports; i++)
		add_number(b, prefix, "port", s->ports[i]);
	for (i = 0; i < s->n_pids; i++)
		add_number(b, prefix, "pid", s->pids[i]);
	add_texts(b, prefix, "exe", &s->exes);
	add_texts(b, prefix, "cgroup", &s->cgroups);
	if (!is_default(prefix, &s->k8s_namespaces))
		add_texts(b, prefix, "k8s-namespace", &s->k8s_namespaces);
	add_texts(b, prefix, "k8s-label", &s->k8s_labels);
	add_texts(b, prefix, "k8s-annotation", &s->k8s_annotations);
	add_texts(b, prefix, "image", &s->images);
}

char *watching__text(const struct selection *include, const struct selection *exclude)
{
	struct buf b = { .max = TEXT_MAX };

	add(&b, "", include);
	add(&b, "exclude-", exclude);
	if (b.err == -ENOSPC) {
		b.err = 0;
		b.max = 0;
		buf__puts(&b, " ...");
	}
	buf__putc(&b, '\0');
	if (!b.err)
		return b.p;
	buf__free(&b);
	return NULL;
}
