/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the Prometheus exporter share. Everything lives for one exposition. */
#ifndef RED_PROM_INTERNAL_H
#define RED_PROM_INTERNAL_H

#include "buf.h"
#include "metrics.h"
#include "prom.h"

#define PROM_UNIT_MAX 64
#define PROM_NAME_MAX 384 /* OTel's limit of 255 for a name, a unit, "_total" */

enum prom_type {
	PROM_COUNTER,
	PROM_GAUGE,
	PROM_HISTOGRAM,
};

/* ---- prom_names.c ---- */

struct prom_name {
	char full[PROM_NAME_MAX]; /* http_requests_total: the sample's, and the name in 0.0.4 */
	char base[PROM_NAME_MAX]; /* http_requests: the family's in OpenMetrics */
	char unit[PROM_UNIT_MAX]; /* "" unless base ends with it */
	enum prom_type type;
};

/* 0; -EINVAL: nothing of the name is left; -ENAMETOOLONG. */
int prom_name__of(struct prom_name *n, const char *name, const char *unit, enum metric_kind kind);
void prom_name__label(struct buf *out, const char *key);

/* ---- prom_labels.c ---- */

struct prom_label { /* offsets into prom_labels.text, of NUL-terminated strings */
	size_t name, value;
};

/* The labels of one series: unique valid names, values in valid UTF-8 without control
 * characters but tab and LF. A zeroed one is empty. */
struct prom_labels {
	struct buf text;
	struct buf list; /* of struct prom_label */
	size_t n_fixed;  /* the first ones: attributes may not change them */
};

void prom_labels__of_point(struct prom_labels *l, const struct metric_point *p, unsigned int flags);
void prom_labels__of_target(struct prom_labels *l, const struct metric_resource *r);
size_t prom_labels__count(const struct prom_labels *l);
const char *prom_labels__name(const struct prom_labels *l, size_t i);
const char *prom_labels__value(const struct prom_labels *l, size_t i);
int prom_labels__err(const struct prom_labels *l);
void prom_labels__free(struct prom_labels *l);
/* Appends s as valid UTF-8; what is not, or moves a terminal's cursor, becomes U+FFFD. */
void prom_labels__clean(struct buf *out, const char *s);

/* ---- prom.c ---- */

struct prom_family {
	struct prom_name name;
	const struct metric_family *src;
	struct prom_family *more; /* the next one of the same name and type */
	bool skip;                /* printed with an earlier one, or not at all */
};

/* Calls write for each family that has points, in order, with those of the same name
 * behind f->more. */
typedef void (*prom_write_fn)(void *ctx, const struct prom_family *f);
int prom__each_family(const struct metrics *m, prom_write_fn write, void *ctx);
/* Calls write for each resource, once for those that are the same service. */
typedef void (*prom_target_fn)(void *ctx, const struct metric_resource *r);
int prom__each_target(const struct metrics *m, prom_target_fn write, void *ctx);

/* The exemplar of the bucket up to `bound`, or NULL. *next, the first that no bucket has
 * had yet, begins at 0. */
static inline const struct metric_exemplar *prom__exemplar(const struct metric_hist *h,
							   uint32_t *next, double bound)
{
	if (*next == h->n_exemplars || h->exemplars[*next].value > bound)
		return NULL;
	return &h->exemplars[(*next)++];
}

#define PROM_TARGET_HELP "Target metadata"

/* Where the writers write. */
struct prom_out {
	struct buf *buf;
	const struct prom_sink *sink; /* NULL: all of it stays in buf */
};

/* Gives the sink what is in buf, when that is a whole piece. Call it where nothing is kept
 * of a place in buf. */
void prom_out__pass_on(const struct prom_out *o);
/* Appends what may be long without a copy of it. */
void prom_out__append(const struct prom_out *o, const struct buf *data);

/* ---- the writers ---- */
int prom_text__write(const struct metrics *m, bool openmetrics, unsigned int flags,
		     const struct prom_out *out);
int prom_proto__write(const struct metrics *m, unsigned int flags, const struct prom_out *out);

#endif /* RED_PROM_INTERNAL_H */
