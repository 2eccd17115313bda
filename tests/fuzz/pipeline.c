// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any sequence of records into everything behind the ring. The input is records one behind the
 * other, each after a byte that says how it is fed (enum how) and two of its length. */
#undef NDEBUG
#include <assert.h>
#include <sanitizer/asan_interface.h>

#include "../../agent/pipeline.c"

enum how {
	AS_IT_IS = 1, /* any size, any kind, and nothing that agrees with anything */
	TICK = 2,     /* time passes after it */
	PROCESS = 4,  /* what a recording says of a process, or with its words an exec */
	FULL = 8,     /* memory is full, or no more so */
};

static void check(const struct pipeline *p, uint32_t max_conns)
{
	for (size_t k = 0; protos[k]; k++) {
		const struct proto_stat *st = pipeline__proto_stat(p, k);
		uint64_t sum = st->emitted + st->in_flight;

		for (int i = 0; i < PROTO_DROP__CNT; i++)
			sum += st->dropped[i];
		assert(st->observed == sum);
	}
	assert(pipeline__conn_stat(p)->open <= max_conns);
	assert(p->env.head_bytes <= p->env.max_head_bytes);
	assert(p->env.tls_bytes <= p->env.max_tls_bytes);
}

/* Pieces that fill the record and make up the call. Bytes too few for one are cut off. */
static void repair_pieces(struct red_ev_data *d)
{
	uint8_t *p = (uint8_t *)(d + 1);
	uint32_t left = d->cap_len, n;
	struct red_piece piece;

	d->len = 0;
	while (left >= sizeof(piece)) {
		memcpy(&piece, p, sizeof(piece));
		left -= sizeof(piece);
		piece.len = piece.len % 64 < left ? piece.len % 64 : left;
		piece.skip %= 700;
		memcpy(p, &piece, sizeof(piece));
		n = piece.len;
		p += sizeof(piece) + n;
		left -= n;
		d->len += n + piece.skip;
	}
	d->cap_len -= left;
}

/* Of a process: strings that fill the record. */
static size_t repair_process(uint64_t *record, size_t size)
{
	struct red_ev_process *p = (void *)record;
	struct red_ev_proc *exec = (void *)record;
	struct red_exec_text *x = (void *)(exec + 1);
	size_t room;

	if (exec->h.kind & 1) {
		exec->h.kind = RED_EV_EXEC;
		room = sizeof(*exec) + sizeof(*x);
		room = size > room ? size - room : 0;
		x->args_len %= room < RED_EXEC_ARGS ? room + 1 : RED_EXEC_ARGS + 1;
		x->env_len = room - x->args_len < RED_EXEC_ENV ? room - x->args_len : RED_EXEC_ENV;
		return sizeof(*exec) + sizeof(*x) + x->args_len + x->env_len;
	}
	p->h.kind = RED_EV_PROCESS;
	room = size > sizeof(*p) ? size - sizeof(*p) : 0;
	p->service_len %= room + 1;
	p->namespace_len %= room - p->service_len + 1;
	p->instance_len %= room - p->service_len - p->namespace_len + 1;
	p->exe_len = room - p->service_len - p->namespace_len - p->instance_len;
	return sizeof(*p) + room;
}

static size_t repair_data(struct red_ev_data *d, size_t size)
{
	d->layer %= 3;
	d->cap_len = size > sizeof(*d) ? size - sizeof(*d) : 0;
	d->len = d->cap_len + d->len % 700;
	if (d->flags & RED_DATA_PIECES)
		repair_pieces(d);
	d->dir &= 1;
	return sizeof(*d) + d->cap_len;
}

/* Lengths that agree, few connections, little time: or nothing would get deep. */
static size_t repair(uint64_t *record, size_t size)
{
	struct red_ev_state *s = (void *)record;

	s->h.kind %= RED_EV_INJECT + 1;
	if (s->h.kind < RED_EV_FORK || s->h.kind == RED_EV_INJECT)
		s->conn_id %= 4;
	switch (s->h.kind) {
	case RED_EV_DATA:
		return repair_data((void *)record, size);
	case RED_EV_OPEN:
		return sizeof(struct red_ev_open);
	case RED_EV_INJECT:
		return sizeof(struct red_ev_inject);
	case RED_EV_EOF:
	case RED_EV_CLOSE:
	case RED_EV_PROGRESS:
		s->layer %= 3;
		return sizeof(*s);
	}
	return sizeof(struct red_ev_proc);
}

static void kept(void *arg, const struct span *s)
{
	assert(s->service->name[0] && s->end_ns >= s->start_ns);
	assert(!s->tls || !strcmp(s->scheme, "https"));
}

/* As the ring's reader hands it on: nothing behind its end may be read. */
static void feed(struct pipeline *p, const uint8_t *data, size_t n, uint8_t how)
{
	static uint64_t room[(sizeof(struct red_ev_data) + RED_CAP_MAX) / 8 + 8];
	struct red_hdr *h = (void *)room;

	memset(room, 0, sizeof(struct red_ev_open));
	memcpy(room, data, n);
	if (!(how & AS_IT_IS)) {
		n = how & PROCESS ? repair_process(room, n) : repair(room, n);
		h->len = n;
	}
	__asan_poison_memory_region((uint8_t *)room + n, sizeof(room) - n);
	pipeline__record(p, room, n);
	__asan_unpoison_memory_region(room, sizeof(room));
	if (how & TICK)
		pipeline__tick(p, h->ts_ns + how * 10000000ull);
	if (!(how & FULL))
		return;
	pipeline__set_full(p, how & 16);
	if (how & 16)
		pipeline__give_up(p);
}

static int polled(void *arg, const struct conn *c, enum red_poll_cmd cmd)
{
	return c->id & 1 ? -ENOENT : 0;
}

/* Dear to make: the next run takes them too when nothing is left in them. */
static struct procs *empty_procs(struct procs *procs)
{
	const struct procs_config pc = { .proc_root = "", .max_procs = 4 };

	if (procs && procs__stats(procs)->known) {
		procs__free(procs);
		procs = NULL;
	}
	return procs ? procs : procs__new(&pc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct procs *procs;
	char *formats[] = { "tracecontext", "b3" };
	struct options o = { .max_connections = 3,
			     .memory_limit_bytes = 1 << 15,
			     .learn_routes = true,
			     .max_routes = 10,
			     .propagators = { formats, 2 },
			     .sampler = "parentbased_traceidratio",
			     .sampler_arg = "0.5",
			     .keep_errors = true,
			     .keep_slowest = true,
			     .keep_new_routes = true,
			     .trace_limit = 2,
			     .request_id_header = "X-Request-ID",
			     .span_headers = { formats, 1 },
			     .span_tls = true,
			     .correlate = true };
	struct pipeline_config c = { .options = &o,
				     .traces = len & 1,
				     .poll = len & 2 ? polled : NULL,
				     .queries = len & 4,
				     .kept = kept };
	struct pipeline *p;

	procs = c.procs = empty_procs(procs);
	p = pipeline__new(&c);
	assert(p);
	for (size_t n; len > 3; data += n, len -= n) {
		uint8_t how = *data++;

		n = data[0] | (data[1] & 31) << 8;
		n = n < --len ? n : len;
		n = n < RED_CAP_MAX ? n : RED_CAP_MAX;
		feed(p, data, n, how);
		check(p, o.max_connections);
	}
	pipeline__tick(p, 0);
	pipeline__flush(p);
	pipeline__free(p);
	return 0;
}
