/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The room for heads of which the rest is still to come, over all connections. When it is full,
 * the oldest give way: who sends halves of heads and then waits must not take it from everybody
 * else, whose heads are whole soon. Event loop only.
 */
#ifndef RED_HEAD_ROOM_H
#define RED_HEAD_ROOM_H

#include <stdbool.h>
#include <stdint.h>

struct proto_env;

/* Of one head. It must not move while it has any room. */
struct head_room {
	struct head_room *prev, *next; /* the older, the younger */
	uint32_t bytes;
	void *owner; /* never gives way to itself */
	/* To a younger one: leaves with no room. */
	void (*give_way)(struct proto_env *env, struct head_room *r);
};

/* To so many bytes. False: that is more than there is, and nothing has changed. */
bool head_room__resize(struct proto_env *env, struct head_room *r, uint32_t bytes);

#endif /* RED_HEAD_ROOM_H */
