/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a head is kept of which the rest is still to come. All of them share what room there is,
 * over all connections. When it is full, the oldest give way: who sends halves of heads and then
 * waits must not take it from everybody else, whose heads are whole soon. Event loop only.
 */
#ifndef RED_HEAD_BUF_H
#define RED_HEAD_BUF_H

#include <stdbool.h>
#include <stdint.h>

struct proto_env;

struct head_buf {
	struct head_buf *prev, *next; /* the older, the younger */
	void *owner;                  /* never gives way to itself */
	/* To a younger one: what is in it is all that will come, and it is free afterwards. */
	void (*give_way)(struct proto_env *env, struct head_buf *b);
	uint32_t cap;
	char p[];
};

/* With room for so many bytes: another one (`b` NULL), which has no give_way yet, or this one,
 * which may move. NULL: there is no room or no memory, and nothing has changed. */
struct head_buf *head_buf__grow(struct proto_env *env, struct head_buf *b, uint32_t cap,
				void *owner);
void head_buf__free(struct proto_env *env, struct head_buf *b); /* accepts NULL */

/* Out of use for a while, and in use again, if there is room for it. */
void head_buf__rest(struct proto_env *env, struct head_buf *b);
bool head_buf__reuse(struct proto_env *env, struct head_buf *b, void *owner);

#endif /* RED_HEAD_BUF_H */
