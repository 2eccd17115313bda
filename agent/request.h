/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A request that was seen to begin and has not ended: what a protocol tells the
 * pipeline about it. It is part of the protocol's own transaction; everything it
 * points to stays until `end` has been called for it.
 */
#ifndef RED_REQUEST_H
#define RED_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"
#include "span.h"
#include "trace_context.h"

struct conn;

#define REQUEST_CALLEES_MAX 4

struct request_link {
	struct request *next, **at; /* `at`: who points to it */
};

struct request {
	/* ---- the protocol's ---- */
	enum span_kind kind;
	uint32_t tgid, tid;  /* of the call that moved its first byte */
	bool blocking;       /* which that thread waited in */
	bool multiplexed;    /* its connection carries several at once */
	uint32_t answer_tid; /* who sent its answer's first byte; 0: none, or not yet */
	uint64_t conn_id;
	uint64_t place; /* of that byte in its direction: red_place() */
	uint64_t start_ns;
	bool cut;                /* it ended without a whole answer */
	struct service *service; /* a reference */
	const char *method;      /* static, as in struct span */
	const char *scheme;
	struct slice path;
	struct slice request_id;
	bool id_hidden;               /* the id is a secret: all have the same one */
	struct trace_context context; /* what the request carries, if valid */
	bool forced;                  /* the debug header says so */
	struct conn *conn;

	/* ---- the pipeline's ---- */
	struct trace trace;

	/* ---- correlate.c's ---- */
	struct correlate_process *process; /* servers: whose list it is on */
	struct request *prev, *next;       /* there */
	struct request_link same_thread;   /* chains of hash tables */
	struct request_link same_context, same_request_id, same_connection;
	uint32_t n_children; /* requests that have it as their parent */
	uint64_t wire_place; /* place, and what the kernel side has inserted before it */
	bool has_ends;       /* is in the table of connections */
	bool alone;          /* the process has served no other since it began */
	bool loose;          /* but may have been at work for one that was cut short */
	uint8_t n_callees;
	struct {
		uint64_t peer;
		uint32_t cnt;
	} callees[REQUEST_CALLEES_MAX]; /* whom it called, how often */
};

#endif /* RED_REQUEST_H */
