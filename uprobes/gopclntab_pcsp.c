// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where a function returns, without a disassembler. A byte 0xc3 may be a part of any
 * instruction, so to look for it proves nothing. But the runtime has to know how deep the
 * stack is at every instruction, and the table that tells it ("pcsp") has this form:
 *
 *	from        depth
 *	0           0      compare with the stack's end, make room
 *	13          136    the body
 *	388         0      RET
 *	389         136    more of the body
 *	...
 *	610         0      RET, or not; "morestack": call for a larger stack, start again
 *
 * A depth of 0 behind the start is that of the return instruction alone, as the code before
 * it has given the room back and the assembler takes what follows for the body again (Go:
 * cmd/internal/obj/x86/obj6.go and arm64/obj7.go, case ARET: Spadj). The last run is joined
 * to that of the morestack call, which begins at depth 0 too; so a return is at the start of
 * a run, and there must be the bytes of a return instruction (or no-operations, then those).
 *Whatever does not look like this exactly (a jump in place of a return, assembler that moves the
 *stack pointer by hand, a function without a frame) is no answer at all.
 */
#include "gopclntab_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK 32 /* bytes of a run */

void pcsp__init(struct pcsp *p, const struct gopclntab *t, struct window *w, uint32_t pcsp)
{
	*p = (struct pcsp){ .t = t, .w = w, .at = pcsp ? t->pctab + pcsp : t->len, .depth = -1 };
}

/* A varint of at most 32 bits, as in Go: runtime/symtab.go, readvarint. */
static bool varint(struct pcsp *p, uint32_t *value)
{
	const uint8_t *byte;

	*value = 0;
	for (unsigned int shift = 0; shift < 35; shift += 7) {
		if (p->at >= p->t->len)
			return false;
		byte = window__at(p->w, p->t->img, p->t->offset + p->at++, 1);
		if (!byte)
			return false;
		*value |= (uint32_t)(*byte & 0x7f) << shift;
		if (!(*byte & 0x80))
			return true;
	}
	return false;
}

bool pcsp__next(struct pcsp *p)
{
	uint32_t value, length;

	if (!varint(p, &value) || (!value && p->started) || !varint(p, &length) || !length)
		return false;
	p->started = true;
	p->depth += (int32_t)(value & 1 ? ~(value >> 1) : value >> 1);
	p->from = p->to;
	p->to += (uint64_t)length * p->t->img->machine->quantum;
	return true;
}

/* ---- returns ---- */

/* Where in code the return instruction is, behind no-operations only: the compiler
 * writes one where an inlined function would have no instruction of its own. < 0: none. */
static int return_at(const struct image_machine *m, const uint8_t *code, size_t len)
{
	size_t at = 0;

	while (len - at >= m->ret_len && !memcmp(code + at, m->nop_bytes, m->ret_len))
		at += m->ret_len;
	if (len - at < m->ret_len || memcmp(code + at, m->ret_bytes, m->ret_len))
		return -1;
	return at;
}

/* What a function can end in instead of a return: a jump to another. */
static bool is_jump(const struct image *img, const uint8_t *b)
{
	if (img->machine->id == EM_AARCH64) /* B, BR */
		return (b[3] & 0xfc) == 0x14 || (b[3] == 0xd6 && b[2] == 0x1f);
	return b[0] == 0xe9 || b[0] == 0xeb || b[0] == 0xff || (b[0] == 0x41 && b[1] == 0xff);
}

/* Where in this run the return is: 1 and *at, 0: there is none, -ENOTSUP: that cannot be
 * told. The last run goes on behind it. */
static int run_returns(const struct pcsp *p, const struct image_function *f, bool last,
		       uint64_t *at)
{
	const struct image_machine *m = p->t->img->machine;
	uint64_t len = p->to - p->from;
	uint8_t code[LOOK] = { 0 };
	int skip;

	if (p->to > f->size || len < m->ret_len || !image__spend(p->t->img, LOOK) ||
	    image__pread(p->t->img, f->offset + p->from, code, len < LOOK ? len : LOOK))
		return -ENOTSUP;
	skip = return_at(m, code, len < LOOK ? len : LOOK);
	*at = p->from + skip;
	if (skip >= 0)
		return last || *at + m->ret_len == p->to ? 1 : -ENOTSUP;
	return last && !is_jump(p->t->img, code) ? 0 : -ENOTSUP;
}

static int add_returns(struct pcsp *p, const struct image_function *f, uint64_t *offsets,
		       size_t max)
{
	bool more = pcsp__next(p); /* the run from the function's start on is the prologue */
	struct pcsp run;
	uint64_t at;
	size_t n = 0;
	int rc;

	for (more = more && pcsp__next(p); more;) {
		run = *p;
		more = pcsp__next(p);
		rc = run.depth ? 0 : run_returns(&run, f, !more, &at);
		if (rc < 0)
			return rc;
		if (rc && n == max)
			return -E2BIG;
		if (rc)
			offsets[n++] = f->offset + at;
	}
	return n ? (int)n : -ENOTSUP;
}

int gopclntab__returns(const struct gopclntab *t, const struct gopclntab_function *fn,
		       uint64_t *offsets, size_t max)
{
	struct window *w = malloc(sizeof(*w));
	struct pcsp p;
	int n;

	if (!w)
		return -ENOMEM;
	window__init(w);
	pcsp__init(&p, t, w, fn->pcsp);
	n = add_returns(&p, &fn->f, offsets, max);
	free(w);
	return n;
}
