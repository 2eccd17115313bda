// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a file is is decided by the functions that it defines, not by its name: OpenSSL may
 * be linked into any executable, or into a library such as libnode.so. Most files define
 * none of them, and all that is said of those is nothing. A file that defines some, but not
 * those that it takes, is told of.
 *
 * A Go program has its functions in a table of its own, and both of Read and Write are
 * probed, or none. Their ends are probes at each of their return instructions; an end that
 * is missed would leave a call open, so all of a function's are known, or it is not probed
 * (and not when the kernel takes some of them only: probe_attach.c).
 */
#include "tls_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gobuild.h"
#include "gopclntab.h"
#include "image.h"
#include "probe_plan.h"
#include "redeye.h"
#include "signatures.h"
#include "tls_functions.h"
#include "tls_inner.h"

struct tls_scan {
	struct signatures *signatures;
	int root; /* our own: debug files of others' roots are theirs to make */
};

/* A file that is being read. */
struct reading {
	const struct image *img;
	struct probe_site sites[PROBE_SITES_MAX];
	size_t n;
	uint32_t kinds;
	uint32_t marks;
	bool full;
	char why[160];
};

struct tls_scan *tls_scan__new(const char *signatures, char *why, size_t why_size)
{
	struct tls_scan *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (signatures)
		s->signatures = signatures__new(signatures, why, why_size);
	if (signatures && !s->signatures) {
		free(s);
		return NULL;
	}
	s->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return s;
}

void tls_scan__free(struct tls_scan *s)
{
	if (!s)
		return;
	signatures__free(s->signatures);
	if (s->root >= 0)
		close(s->root);
	free(s);
}

/* ---- sites ------------------------------------------------------------------------------ */

static void add_site(struct reading *r, const struct tls_function *row, uint64_t offset,
		     const char *program, bool ret)
{
	bool end = program != row->entry;

	if (r->n == PROBE_SITES_MAX) {
		r->full = true;
		return;
	}
	r->sites[r->n++] = (struct probe_site){
		.offset = offset,
		.program = program,
		.kind = row->kind,
		.role = end ? 0 : row->role,
		.ret = ret,
	};
}

/* The ends of a function first: a call that was seen to begin must be seen to end.
 * Two names of one function (aliases) are one place. */
static bool has_site(const struct reading *r, uint64_t offset)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->sites[i].offset == offset)
			return true;
	return false;
}

static void add_function(struct reading *r, const struct tls_function *row,
			 const struct image_function *f)
{
	const struct tls_library *lib = &tls_libraries[row->kind];
	uint64_t offset = tls_inner__entry(r->img, f);

	r->kinds |= 1u << row->kind;
	if (!row->entry || has_site(r, offset))
		return;
	if (lib->how == TLS_RETURN_PROBE && (!lib->no_return || strcmp(lib->no_return, row->entry)))
		add_site(r, row, offset, lib->ret, true);
	add_site(r, row, offset, row->entry, false);
}

/* ---- functions of C and Rust --------------------------------------------------------------- */

static size_t named_rows(const char **names, const struct tls_function **rows)
{
	size_t n = 0;

	for (size_t i = 0; i < tls_functions_n && n < IMAGE_NAMES_MAX; i++)
		if (tls_functions[i].symbol && tls_functions[i].kind != TLS_GO) {
			rows[n] = &tls_functions[i];
			names[n++] = tls_functions[i].symbol;
		}
	return n;
}

static size_t row_named(const char *const *names, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && strcmp(names[i], name))
		i++;
	return i;
}

/* Puts probes on an inner function instead of the two that come to it. */
static void add_inner(struct reading *r, const struct tls_inner *in, const char *const *names,
		      size_t n, struct image_function *found)
{
	size_t a = row_named(names, n, in->outer[0]), b = row_named(names, n, in->outer[1]);
	struct image_function inner;

	if (a == n || b == n || found[a].source == IMAGE_NOWHERE ||
	    found[b].source == IMAGE_NOWHERE)
		return;
	if (!tls_inner__find(r->img, (struct image_function[]){ found[a], found[b] }, &inner))
		return;
	add_function(r, &in->row, &inner);
	found[a].source = found[b].source = IMAGE_NOWHERE;
}

static int find_named(struct reading *r)
{
	const char *names[IMAGE_NAMES_MAX] = { NULL };
	const struct tls_function *rows[IMAGE_NAMES_MAX];
	struct image_function found[IMAGE_NAMES_MAX];
	size_t i, n = named_rows(names, rows);
	int rc = image__find(r->img, names, n, found);

	for (i = 0; rc > 0 && i < tls_inners_n; i++)
		add_inner(r, &tls_inners[i], names, n, found);
	for (i = 0; rc > 0 && i < n; i++)
		if (found[i].source != IMAGE_NOWHERE)
			add_function(r, rows[i], &found[i]);
	return rc < 0 ? rc : 0;
}

static bool try_name(void *arg, const char *name, const struct image_function *f)
{
	struct reading *r = arg;

	for (size_t i = 0; i < tls_functions_n; i++)
		if (tls_functions[i].match && tls_functions[i].match(name))
			add_function(r, &tls_functions[i], f);
	return true;
}

/* ---- Go ----------------------------------------------------------------------------------------
 */

static int add_go(struct reading *r, const struct gopclntab *t, const struct tls_function *row)
{
	uint64_t rets[PROBE_SITES_MAX];
	struct gopclntab_function fn;
	int err = gopclntab__find(t, row->symbol, &fn), n;

	if (err)
		return err;
	n = gopclntab__returns(t, &fn, rets, PROBE_SITES_MAX);
	if (n < 0)
		return n;
	for (int i = 0; i < n; i++)
		add_site(r, row, rets[i], tls_libraries[row->kind].ret, false);
	add_function(r, row, &fn.f);
	return 0;
}

static void go_sentence(struct reading *r, const struct tls_function *row, int err)
{
	if (!r->why[0])
		snprintf(r->why, sizeof(r->why), "Go: %s: %s", row->symbol,
			 err == -ENOTSUP  ? "not all its returns are known"
			 : err == -ENOENT ? "not found"
					  : strerror(-err));
}

/* Without Read and Write it does not use crypto/tls, which is no problem. */
static void find_go_in(struct reading *r, const struct gopclntab *t)
{
	size_t before = r->n;
	int err, done = 0;

	for (const struct tls_function *row = tls_functions; row < tls_functions + tls_functions_n;
	     row++) {
		if (row->kind != TLS_GO)
			continue;
		err = add_go(r, t, row);
		if (!(row->role & TLS_MINIMUM))
			continue;
		done |= err ? 0 : row->role;
		if (err && (err != -ENOENT || done))
			go_sentence(r, row, err);
	}
	if ((done & TLS_MINIMUM) != TLS_MINIMUM)
		r->n = before;
	if (done)
		r->kinds |= 1u << TLS_GO;
}

static void find_go(struct reading *r)
{
	char version[64], why[120] = "";
	size_t before = r->n;
	struct gopclntab *t = gopclntab__new(r->img, why, sizeof(why));
	enum gobuild_abi abi;

	if (!t) {
		snprintf(r->why, sizeof(r->why), "Go: %s", why);
		return;
	}
	if (gobuild__version(r->img, version, sizeof(version)))
		version[0] = 0;
	find_go_in(r, t);
	gopclntab__free(t);
	abi = r->kinds & 1u << TLS_GO ? gobuild__abi(r->img, version, why, sizeof(why))
				      : GOBUILD_ABI_REGISTER;
	r->marks = abi == GOBUILD_ABI_STACK ? RED_TARGET_GO_STACK : RED_TARGET_GO;
	if (abi != GOBUILD_ABI_UNKNOWN)
		return;
	r->n = before;
	snprintf(r->why, sizeof(r->why), "Go: %s", why);
}

/* ---- plans -------------------------------------------------------------------------------------
 */

static uint32_t marks_of(uint32_t kinds, uint32_t go_marks)
{
	uint32_t marks = 0;

	for (unsigned int k = 0; k < TLS_KIND__CNT; k++)
		if (kinds & 1u << k)
			marks |= k == TLS_GO ? go_marks : tls_libraries[k].marks;
	return marks;
}

/* Says which kind is there and lacks what it takes. */
static void find_lacking(struct reading *r, uint32_t usable)
{
	uint32_t lacking = r->kinds & ~usable & ~(1u << TLS_NSS | 1u << TLS_JVM);

	for (unsigned int k = 0; k < TLS_KIND__CNT && !r->why[0]; k++)
		if (lacking & 1u << k)
			snprintf(r->why, sizeof(r->why),
				 "%s: no function to read with and one to write with were found",
				 tls_libraries[k].name);
}

/* What is left of such a file may be anything. */
static void drop_all(struct reading *r)
{
	r->n = r->kinds = r->marks = 0;
	snprintf(r->why, sizeof(r->why),
		 "it takes too long to read: its tables are not a program's");
}

static struct probe_plan *make_plan(struct reading *r)
{
	struct probe_plan *plan = probe_plan__new(r->sites, r->n);
	uint32_t usable;
	size_t i, n;

	if (!plan)
		return NULL;
	usable = probe_plan__usable(plan, NULL);
	for (i = n = 0; i < plan->n; i++)
		if (usable & 1u << plan->sites[i].kind)
			plan->sites[n++] = plan->sites[i];
	plan->n = n;
	if (r->full) {
		plan->n = 0;
		snprintf(r->why, sizeof(r->why), "more than %d places to probe", PROBE_SITES_MAX);
	}
	find_lacking(r, usable);
	plan->kinds = r->kinds;
	plan->marks = marks_of(usable, r->marks);
	memcpy(plan->why, r->why, sizeof(plan->why));
	return plan;
}

/* What the file is made of is other people's: what cannot be read has nothing in it. */
struct probe_plan *tls_scan__plan(struct tls_scan *s, int fd)
{
	struct reading *r = calloc(1, sizeof(*r));
	struct probe_plan *plan;
	struct image *img;
	char why[160];

	if (!r)
		return NULL;
	img = image__new(fd, why, sizeof(why));
	r->img = img;
	if (img) {
		image__look_in(img, s->root, s->signatures);
		find_named(r);
		image__each(img, "rustls", try_name, r);
		if (image__is_go(img))
			find_go(r);
		if (image__too_much(img))
			drop_all(r);
	}
	plan = make_plan(r);
	image__free(img);
	free(r);
	return plan;
}
