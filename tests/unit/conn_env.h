/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a table of connections needs around it. */
#ifndef RED_TEST_CONN_ENV_H
#define RED_TEST_CONN_ENV_H

#include "conn.h"
#include "http2_block.h"
#include "http_txn.h"
#include "service.h"

static struct service service = { .refs = 1, .name = "s", .namespace = "", .instance = "" };

static inline struct service *service_of(void *arg, uint32_t tgid)
{
	return &service;
}

static inline bool process_ended(void *arg, uint32_t tgid)
{
	return false;
}

/* For wire_init(), with the table as its argument. */
static inline void feed(void *table, const void *record, size_t size)
{
	const struct red_hdr *h = record;

	if (h->kind == RED_EV_OPEN)
		conn_table__open(table, record);
	else if (h->kind == RED_EV_DATA)
		conn_table__data(table, record);
	else
		conn_table__state(table, record);
}

/* What was observed is somewhere. */
static inline void account(const struct proto_env *env)
{
	const struct proto_stat *st;
	uint64_t open = 0, sum;
	int i;

	for (st = env->stat; st < env->stat + PROTO__CNT; st++) {
		sum = st->emitted + st->in_flight;
		for (i = 0; i < PROTO_DROP__CNT; i++)
			sum += st->dropped[i];
		assert_int_equal(st->observed, sum);
		open += st->in_flight;
	}
	assert_int_equal(open, env->n_requests);
}

/* Nothing of it is held any more. */
static inline void nothing_held(const struct proto_env *env)
{
	assert_int_equal(env->n_requests, 0);
	assert_int_equal(env->head_bytes, 0);
	assert_int_equal(env->tls_bytes, 0);
	account(env);
}

static inline int free_pool(void **state)
{
	http_txn__free_pool();
	http2_block__free_pool();
	return 0;
}

#endif /* RED_TEST_CONN_ENV_H */
