// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "head_room.h"

#include "proto.h"

static void link_youngest(struct proto_env *env, struct head_room *r)
{
	r->prev = env->youngest_head;
	r->next = NULL;
	if (r->prev)
		r->prev->next = r;
	else
		env->oldest_head = r;
	env->youngest_head = r;
}

static void unlink_head(struct proto_env *env, struct head_room *r)
{
	if (r->prev)
		r->prev->next = r->next;
	else
		env->oldest_head = r->next;
	if (r->next)
		r->next->prev = r->prev;
	else
		env->youngest_head = r->prev;
}

/* An owner has two heads at most, one a direction: this looks at three. */
static struct head_room *oldest_but(const struct proto_env *env, const struct head_room *r)
{
	struct head_room *old = env->oldest_head;

	while (old && old->owner == r->owner)
		old = old->next;
	return old;
}

static bool make_room(struct proto_env *env, const struct head_room *r, uint32_t bytes)
{
	struct head_room *old;

	if (bytes > env->max_head_bytes)
		return false;
	while (env->head_bytes + bytes - r->bytes > env->max_head_bytes) {
		old = oldest_but(env, r);
		if (!old)
			return false;
		old->give_way(env, old);
	}
	return true;
}

bool head_room__resize(struct proto_env *env, struct head_room *r, uint32_t bytes)
{
	if (bytes > r->bytes && !make_room(env, r, bytes))
		return false;
	if (!r->bytes && bytes)
		link_youngest(env, r);
	if (r->bytes && !bytes)
		unlink_head(env, r);
	env->head_bytes += bytes;
	env->head_bytes -= r->bytes;
	r->bytes = bytes;
	return true;
}
