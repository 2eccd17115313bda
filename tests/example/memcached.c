// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Memcached's text protocol: the example of docs/adding-a-protocol.md, which tests/example/run
 * builds into a copy of redeye. A command is a line, and with those that store a block of data;
 * an answer is a line, with those that fetch lines and blocks up to END. Answers come in the
 * order of the commands. Left out: the binary and the meta protocol, commands with noreply.
 */
#include <stdlib.h>

#include "conn.h"
#include "semconv.h"
#include "txn.h"

/* ---- what it is called: the conventions for databases -------------------------------- */

static const double bounds[] = { 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10 };

static const struct semconv_attr attrs[] = {
	{ "db.operation.name", OF_METHOD, OF_BOTH },
	{ "db.response.status_code", OF_STATUS, OF_BOTH },
	{ "db.system.name", OF_SYSTEM, OF_BOTH },
	{ "error.type", OF_ERROR, OF_BOTH },
	{ "server.address", OF_HOST, OF_CLIENTS },
	{ "server.port", OF_PORT, OF_CLIENTS },
	{ NULL },
};

const struct semconv db_semconv = {
	.metrics = {
		[SPAN_SERVER][PART_DURATION] = { "redeye.db.server.operation.duration",
						 "Duration of served database operations." },
		[SPAN_CLIENT][PART_DURATION] = { "db.client.operation.duration",
						 "Duration of database client operations." },
	},
	.bounds = bounds,
	.n_bounds = sizeof(bounds) / sizeof(bounds[0]),
	.attrs = attrs,
};

/* ---- lines ------------------------------------------------------------------------------ */

enum { LINE_MAX = 256 }; /* a key has at most 250 bytes; what is longer is cut */

struct half {
	char line[LINE_MAX];
	size_t len;
	uint64_t block;           /* bytes of data to come, line end included */
	uint64_t first_ns;        /* of the line, */
	struct proto_bytes first; /* and where it is */
	bool lost;                /* until the traffic turns this way */
};

struct operation {
	struct operation *next;
	struct request req;
	uint64_t request_end_ns, response_start_ns;
	uint64_t hits;
};

struct memcached {
	struct conn *conn;
	struct proto_env *env;
	struct half half[2];
	enum red_dir asks; /* the direction of commands */
	bool settled, strange;
	struct operation *oldest, **last;
};

static const struct verb {
	const char *name;
	bool stores;
} verbs[] = {
	{ "get", false },    { "gets", false },  { "set", true },     { "add", true },
	{ "replace", true }, { "append", true }, { "prepend", true }, { "cas", true },
	{ "delete", false }, { "incr", false },  { "decr", false },   { "touch", false },
};

static struct slice word(struct slice *rest)
{
	struct slice w = { rest->p, slice_until(*rest, ' ') };

	*rest = slice_skip(*rest, w.len + (w.len < rest->len));
	return w;
}

static const struct verb *verb_of(struct slice line)
{
	struct slice name = word(&line);
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (slice_eq(name, slice_of(verbs[i].name)) && line.len)
			return &verbs[i];
	return NULL;
}

static uint64_t number(struct slice s)
{
	uint64_t n = 0;

	for (; s.len && *s.p >= '0' && *s.p <= '9' && n < 1u << 30; s = slice_skip(s, 1))
		n = 10 * n + (uint64_t)(*s.p - '0');
	return n;
}

/* The n-th word of a line, from 0. */
static struct slice nth(struct slice line, int n)
{
	while (n--)
		word(&line);
	return word(&line);
}

static struct proto_stat *stat_of(const struct memcached *m)
{
	return &m->env->stat[PROTO_MEMCACHED];
}

/* ---- operations --------------------------------------------------------------------------- */

static struct operation *take(struct memcached *m)
{
	struct operation *o = m->oldest;

	m->oldest = o->next;
	if (!m->oldest)
		m->last = &m->oldest;
	return o;
}

static void finish(struct memcached *m, uint64_t end_ns, const char *status, const char *failure)
{
	struct operation *o = take(m);
	struct span_op op = { .semconv = SEMCONV_DB, .system = "memcached", .status = status };
	struct span s = { .end_ns = end_ns, .error_type = failure ? failure : status, .op = &op };

	txn__span(&o->req, &s);
	s.request_end_ns = o->request_end_ns;
	s.response_start_ns = o->response_start_ns;
	if (o->hits)
		op.attrs[op.n_attrs++] = (struct span_attr){ .key = "db.response.returned_rows",
							     .type = SPAN_ATTR_INT,
							     .num = (int64_t)o->hits };
	txn__emit(m->env, stat_of(m), &o->req, &s);
	free(o);
}

static void drop_all(struct memcached *m, enum proto_drop why)
{
	struct operation *o;

	while (m->oldest) {
		o = take(m);
		txn__drop(m->env, stat_of(m), &o->req, why);
		free(o);
	}
}

static void begin(struct memcached *m, const struct verb *verb, const struct half *h,
		  uint64_t now_ns)
{
	struct operation *o = txn__full(m->env) ? NULL : calloc(1, sizeof(*o));

	if (!o) { /* whose answers are whose is not known any more */
		txn__refuse(stat_of(m), txn__full(m->env) ? PROTO_DROP_FULL : PROTO_DROP_NO_MEMORY);
		m->strange = true;
		return;
	}
	txn__request(&o->req, m->conn, m->asks, &h->first);
	o->req.method = verb->name;
	o->request_end_ns = now_ns;
	*m->last = o;
	m->last = &o->next;
	txn__begin(m->env, stat_of(m), &o->req);
}

/* ---- messages ------------------------------------------------------------------------------- */

static void command(struct memcached *m, struct half *h, struct slice line, uint64_t now_ns)
{
	const struct verb *verb = verb_of(line);

	if (!verb) {
		stat_of(m)->malformed++;
		m->strange = true;
		return;
	}
	if (verb->stores)
		h->block = number(nth(line, 4)) + 2;
	begin(m, verb, h, now_ns);
}

static const char *error_of(struct slice line)
{
	static const char *const errors[] = { "ERROR", "CLIENT_ERROR", "SERVER_ERROR" };
	struct slice first = word(&line);
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (slice_eq(first, slice_of(errors[i])))
			return errors[i];
	return NULL;
}

static void answer(struct memcached *m, struct half *h, struct slice line, uint64_t now_ns)
{
	struct operation *o = m->oldest;

	if (!o) {
		stat_of(m)->unmatched++;
		return;
	}
	if (!o->response_start_ns)
		o->response_start_ns = h->first.ts_ns;
	if (slice_eq(nth(line, 0), SLICE("VALUE"))) {
		h->block = number(nth(line, 3)) + 2;
		o->hits++;
		return;
	}
	finish(m, now_ns, error_of(line), NULL);
}

/* One byte of a line. */
static void line_byte(struct memcached *m, enum red_dir dir, const struct proto_bytes *b)
{
	struct half *h = &m->half[dir];
	struct slice line;

	if (!h->len)
		h->first = *b;
	if (*b->p != '\n') {
		if (h->len < LINE_MAX)
			h->line[h->len++] = *b->p;
		return;
	}
	line = (struct slice){ h->line,
			       h->len && h->line[h->len - 1] == '\r' ? h->len - 1 : h->len };
	h->len = 0;
	if (dir == m->asks)
		command(m, h, line, b->ts_ns);
	else
		answer(m, h, line, b->ts_ns);
}

/* ---- the row ----------------------------------------------------------------------------------
 */

static bool is_answer(struct slice line)
{
	static const char *const words[] = { "VALUE", "END", "STORED", "NOT_STORED", "DELETED" };
	struct slice first = word(&line);
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (slice_eq(first, slice_of(words[i])))
			return true;
	return error_of(first);
}

static struct slice first_line(const struct proto_bytes *b)
{
	struct slice all = { b->p, b->len }, line = { b->p, slice_until(all, '\r') };

	return line.len < all.len ? line : (struct slice){ NULL, 0 };
}

static bool memcached_match(const struct proto_bytes *b)
{
	struct slice line = first_line(b);

	return line.len && (verb_of(line) || is_answer(line));
}

static int memcached_open(void *state, struct conn *c, struct proto_env *env)
{
	struct memcached *m = state;

	memset(m, 0, sizeof(*m));
	m->conn = c;
	m->env = env;
	m->last = &m->oldest;
	return 0;
}

static void memcached_bytes(void *state, enum red_dir dir, const struct proto_bytes *all)
{
	struct memcached *m = state;
	struct half *h = &m->half[dir];
	struct proto_bytes b = *all;
	uint64_t n;

	if (!m->settled)
		m->asks = verb_of(first_line(all)) ? dir : !dir;
	m->settled = true;
	h->lost &= !b.first;
	for (; b.len && !h->lost && !m->strange; b.p += n, b.len -= n, b.off += n) {
		n = h->block < b.len ? h->block : b.len;
		h->block -= n;
		if (!n) {
			line_byte(m, dir, &b);
			n = 1;
		}
	}
}

static void memcached_skip(void *state, enum red_dir dir, uint64_t n, uint64_t last_ns,
			   const uint8_t *tail)
{
	struct memcached *m = state;
	struct half *h = &m->half[dir];

	if (n <= h->block) {
		h->block -= n;
		return;
	}
	if (dir != m->asks && h->block && n == h->block + strlen("END\r\n") && m->oldest) {
		h->block = 0;
		finish(m, last_ns, NULL, NULL);
		return;
	}
	/* Lines went by unseen. */
	stat_of(m)->gaps++;
	h->block = h->len = 0;
	h->lost = true;
	drop_all(m, PROTO_DROP_LOST);
}

static void fail_all(struct memcached *m, const struct proto_end *e)
{
	while (m->oldest)
		finish(m, e->ts_ns, NULL, txn__failure(m->env, &m->oldest->req, e->flags));
}

static void memcached_eof(void *state, enum red_dir dir, const struct proto_end *e)
{
	struct memcached *m = state;

	if (dir != m->asks)
		fail_all(m, e);
}

static void memcached_close(void *state, const struct proto_end *e)
{
	fail_all(state, e);
}

static void memcached_drop(void *state, enum proto_drop why)
{
	drop_all(state, why);
}

static void memcached_lost(void *state)
{
	struct memcached *m = state;

	drop_all(m, PROTO_DROP_LOST);
	m->half[0].lost = m->half[1].lost = true;
	m->half[0].len = m->half[1].len = m->half[0].block = m->half[1].block = 0;
}

static bool memcached_pending(const void *state)
{
	return ((const struct memcached *)state)->oldest != NULL;
}

static bool memcached_done(const void *state)
{
	return ((const struct memcached *)state)->strange;
}

const struct proto memcached_proto = {
	.name = "memcached",
	.state_size = sizeof(struct memcached),
	.mode = RED_POLL_MODE_ALL,
	.match = memcached_match,
	.open = memcached_open,
	.bytes = memcached_bytes,
	.skip = memcached_skip,
	.eof = memcached_eof,
	.close = memcached_close,
	.drop = memcached_drop,
	.lost = memcached_lost,
	.pending = memcached_pending,
	.done = memcached_done,
};
