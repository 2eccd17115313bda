// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "head_buf.h"

#include <stddef.h>
#include <stdlib.h>

#include "proto.h"

/* Who points to it, in each direction. */
static struct head_buf **from_older(struct proto_env *env, struct head_buf *b)
{
	return b->prev ? &b->prev->next : &env->oldest_head;
}

static struct head_buf **from_younger(struct proto_env *env, struct head_buf *b)
{
	return b->next ? &b->next->prev : &env->youngest_head;
}

static void begin_use(struct proto_env *env, struct head_buf *b, void *owner)
{
	b->owner = owner;
	b->prev = env->youngest_head;
	b->next = NULL;
	*from_older(env, b) = *from_younger(env, b) = b;
	env->head_bytes += b->cap;
}

void head_buf__rest(struct proto_env *env, struct head_buf *b)
{
	*from_older(env, b) = b->next;
	*from_younger(env, b) = b->prev;
	env->head_bytes -= b->cap;
}

/* An owner has two heads at most, one a direction: this looks at three. */
static struct head_buf *oldest_not_of(const struct proto_env *env, const void *owner)
{
	struct head_buf *old = env->oldest_head;

	while (old && old->owner == owner)
		old = old->next;
	return old;
}

/* For `more` bytes, of a head that is to have `cap`. */
static bool make_room(struct proto_env *env, const void *owner, uint32_t more, uint32_t cap)
{
	struct head_buf *old;

	if (cap > env->max_head_bytes)
		return false;
	while (env->head_bytes + more > env->max_head_bytes) {
		old = oldest_not_of(env, owner);
		if (!old)
			return false;
		old->give_way(env, old);
	}
	return true;
}

static struct head_buf *grow_this(struct proto_env *env, struct head_buf *b, uint32_t cap)
{
	b = realloc(b, sizeof(*b) + cap);
	if (!b)
		return NULL;
	*from_older(env, b) = *from_younger(env, b) = b;
	env->head_bytes += cap - b->cap;
	b->cap = cap;
	return b;
}

struct head_buf *head_buf__grow(struct proto_env *env, struct head_buf *b, uint32_t cap,
				void *owner)
{
	if (!make_room(env, owner, b ? cap - b->cap : cap, cap))
		return NULL;
	if (b)
		return grow_this(env, b, cap);
	b = malloc(sizeof(*b) + cap);
	if (!b)
		return NULL;
	b->cap = cap;
	b->give_way = NULL;
	begin_use(env, b, owner);
	return b;
}

bool head_buf__reuse(struct proto_env *env, struct head_buf *b, void *owner)
{
	if (!make_room(env, owner, b->cap, b->cap))
		return false;
	begin_use(env, b, owner);
	return true;
}

void head_buf__free(struct proto_env *env, struct head_buf *b)
{
	if (!b)
		return;
	head_buf__rest(env, b);
	free(b);
}
