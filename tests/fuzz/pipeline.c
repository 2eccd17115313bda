// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any sequence of records into everything behind the ring. The input is records one behind
 * the other, each after a byte that says how much of its length to repair. */
#undef NDEBUG
#include <assert.h>

#include "../../agent/pipeline.c"

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

/* Lengths that agree, few connections, little time: or nothing would get deep. */
static size_t repair(uint64_t *record, size_t size)
{
	struct red_ev_state *s = (void *)record;
	struct red_ev_data *d = (void *)record;
	struct red_ev_open *o = (void *)record;

	d->h.kind %= RED_EV_INJECT + 1;
	if (d->h.kind == RED_EV_OPEN)
		size = sizeof(*o);
	else if (d->h.kind == RED_EV_INJECT)
		size = sizeof(struct red_ev_inject);
	else if (d->h.kind != RED_EV_DATA)
		size = d->h.kind >= RED_EV_FORK ? sizeof(struct red_ev_proc)
						: sizeof(struct red_ev_state);
	d->h.len = size;
	d->conn_id %= 4;
	if (d->h.kind >= RED_EV_EOF && d->h.kind <= RED_EV_PROGRESS)
		s->layer %= 3;
	if (d->h.kind != RED_EV_DATA)
		return size;
	d->layer %= 3;
	d->cap_len = size > sizeof(*d) ? size - sizeof(*d) : 0;
	d->len = d->cap_len + d->len % 700;
	if (d->flags & RED_DATA_PIECES)
		repair_pieces(d);
	d->h.len = size = sizeof(*d) + d->cap_len;
	d->dir &= 1;
	return size;
}

static void kept(void *arg, const struct span *s)
{
	assert(s->service->name[0] && s->end_ns >= s->start_ns);
	assert(!s->tls || !strcmp(s->scheme, "https"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint64_t record[1024];
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
	struct procs_config pc = { .proc_root = "" };
	struct pipeline_config c = {
		.options = &o, .procs = procs__new(&pc), .traces = len & 1, .kept = kept
	};
	struct pipeline *p = pipeline__new(&c);

	for (size_t n; len > 3; data += n, len -= n) {
		uint8_t how = *data++;

		n = data[0] | (data[1] & 7) << 8;
		n = n < --len ? n : len;
		memset(record, 0, sizeof(record));
		memcpy(record, data, n);
		pipeline__record(p, record, how & 1 ? n : repair(record, n));
		check(p, o.max_connections);
	}
	pipeline__tick(p, 0);
	pipeline__flush(p);
	pipeline__free(p);
	procs__free(c.procs);
	return 0;
}
