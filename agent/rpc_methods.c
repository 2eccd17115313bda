// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rpc_methods.h"

#include <errno.h>
#include <stdlib.h>

#include "hash.h"

enum { FIRST_SLOTS = 32 };

const char rpc_method_other[] = "_OTHER";

void rpc_methods__init(struct rpc_methods *m, uint32_t max)
{
	*m = (struct rpc_methods){ .max = max };
}

void rpc_methods__free(struct rpc_methods *m)
{
	uint32_t i;

	for (i = 0; i < m->n_slots; i++)
		free(m->slots[i].name);
	free(m->slots);
}

/* Its slot, or the free one where it would be. There is one: at most half are in use. */
static struct rpc_method_slot *slot_of(struct rpc_method_slot *slots, uint32_t n_slots,
				       uint64_t hash, struct slice name)
{
	uint32_t i = (uint32_t)hash & (n_slots - 1);

	while (slots[i].name && !(slots[i].hash == hash && slice_eq(slice_of(slots[i].name), name)))
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

static int make_room(struct rpc_methods *m)
{
	uint32_t n_slots = m->n_slots ? 2 * m->n_slots : FIRST_SLOTS, i;
	struct rpc_method_slot *slots;

	if (2 * (m->n + 1) <= m->n_slots)
		return 0;
	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (i = 0; i < m->n_slots; i++)
		if (m->slots[i].name)
			*slot_of(slots, n_slots, m->slots[i].hash, slice_of(m->slots[i].name)) =
				m->slots[i];
	free(m->slots);
	m->bytes += (n_slots - m->n_slots) * sizeof(*slots);
	m->slots = slots;
	m->n_slots = n_slots;
	return 0;
}

static bool is_name(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.len <= RPC_METHOD_MAX && !slice_eq(s, slice_of(rpc_method_other));
}

static const char *add(struct rpc_methods *m, uint64_t hash, struct slice name)
{
	char *copy;

	if (m->n >= m->max || !is_name(name) || make_room(m))
		return rpc_method_other;
	copy = strndup(name.p, name.len);
	if (!copy)
		return rpc_method_other;
	*slot_of(m->slots, m->n_slots, hash, name) = (struct rpc_method_slot){ hash, copy };
	m->n++;
	m->bytes += name.len + 1;
	return copy;
}

const char *rpc_methods__get(struct rpc_methods *m, struct slice name, bool known)
{
	const char *same = NULL;
	uint64_t hash;

	if (!name.len)
		return NULL;
	hash = hash_bytes(name.p, name.len);
	if (m->n_slots)
		same = slot_of(m->slots, m->n_slots, hash, name)->name;
	if (same)
		return same;
	return known ? add(m, hash, name) : rpc_method_other;
}
