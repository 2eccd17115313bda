// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "correlate_internal.h"

#include "service.h"

/* Requests are of one kind when service, method and path agree; a part of the path
 * with a digit in it is any. */
static uint64_t kind_of(const struct request *r)
{
	uint64_t h = hash_seeded(r->service->id, r->method, strlen(r->method));
	struct slice rest = r->path;
	size_t len, i;
	bool digit;

	while (rest.len) {
		len = slice_until(rest, '/');
		for (digit = false, i = 0; i < len && !digit; i++)
			digit = rest.p[i] >= '0' && rest.p[i] <= '9';
		h = hash_seeded(h, digit ? "0" : rest.p, digit ? 1 : len);
		rest = slice_skip(rest, len + (len < rest.len));
	}
	return h ? h : 1;
}

static uint64_t peer_of(const struct request *r)
{
	const struct conn *conn = r->conn;
	uint64_t h = hash_seeded(r->service->id, conn->peer_addr, sizeof(conn->peer_addr));

	h = red_mix(h ^ conn->peer_port);
	return h ? h : 1;
}

static struct background *background_set(struct correlate *c, uint64_t peer)
{
	return c->background[peer % (PEERS / PEER_WAYS)];
}

static void note_background(struct correlate *c, uint64_t peer, uint64_t now_ns)
{
	struct background *set = background_set(c, peer), *oldest = set;
	int i;

	for (i = 0; i < PEER_WAYS; i++) {
		if (set[i].peer == peer)
			oldest = &set[i];
		if (oldest->peer == peer)
			break;
		if (set[i].until_ns < oldest->until_ns)
			oldest = &set[i];
	}
	*oldest = (struct background){ .peer = peer, .until_ns = now_ns + BACKGROUND_NS };
}

/* Also when it may have been, and was pushed out by others. */
static bool is_background(struct correlate *c, uint64_t peer, uint64_t now_ns)
{
	const struct background *set = background_set(c, peer);
	int i, busy = 0;

	for (i = 0; i < PEER_WAYS; i++) {
		busy += set[i].until_ns > now_ns;
		if (set[i].peer == peer && set[i].until_ns > now_ns)
			return true;
	}
	return busy == PEER_WAYS;
}

static void count_call(struct request *server, uint64_t peer)
{
	uint8_t i;

	for (i = 0; i < server->n_callees; i++)
		if (server->callees[i].peer == peer)
			break;
	if (i == REQUEST_CALLEES_MAX)
		return;
	if (i == server->n_callees) {
		server->n_callees++;
		server->callees[i].peer = peer;
		server->callees[i].cnt = 0;
	}
	server->callees[i].cnt++;
}

static struct habit *habit_set(struct correlate *c, uint64_t kind)
{
	return c->habits[kind % (HABITS / HABIT_WAYS)];
}

static struct habit *find_habit(struct correlate *c, uint64_t kind)
{
	struct habit *set = habit_set(c, kind);
	int i;

	for (i = 0; i < HABIT_WAYS; i++)
		if (set[i].kind == kind)
			return &set[i];
	return NULL;
}

/* In the place of the one that had no lesson for the longest. */
static struct habit *new_habit(struct correlate *c, uint64_t kind)
{
	struct habit *set = habit_set(c, kind), *h = set;
	int i;

	for (i = 1; i < HABIT_WAYS; i++)
		if (set[i].turn < h->turn)
			h = &set[i];
	*h = (struct habit){ .kind = kind };
	return h;
}

static bool is_habit(struct correlate *c, const struct request *server, uint64_t peer)
{
	const struct habit *h = find_habit(c, kind_of(server));
	int i;

	for (i = 0; h && i < HABIT_CALLEES; i++)
		if (h->callees[i].peer == peer)
			return h->callees[i].runs >= HABIT_RUNS;
	return false;
}

static uint32_t calls_to(const struct request *server, uint64_t peer)
{
	uint8_t i;

	for (i = 0; i < server->n_callees; i++)
		if (server->callees[i].peer == peer)
			return server->callees[i].cnt;
	return 0;
}

static void add_callee(struct habit *h, uint64_t peer, uint32_t cnt)
{
	int i, at = 0;

	for (i = 0; i < HABIT_CALLEES; i++) {
		if (h->callees[i].peer == peer)
			return;
		if (h->callees[i].runs < h->callees[at].runs || !h->callees[i].peer)
			at = i;
	}
	if (h->callees[at].runs >= HABIT_RUNS)
		return;
	h->callees[at].peer = peer;
	h->callees[at].cnt = cnt;
	h->callees[at].runs = 1;
}

/* It was served alone, so all that was sent meanwhile is its own, or background. */
void habit__learn(struct correlate *c, const struct request *server)
{
	uint64_t kind = kind_of(server);
	struct habit *h = find_habit(c, kind);
	uint32_t cnt, i;

	if (!h && !server->n_callees)
		return;
	if (!h)
		h = new_habit(c, kind);
	h->turn = ++c->turn;
	for (i = 0; i < HABIT_CALLEES; i++) {
		if (!h->callees[i].peer)
			continue;
		cnt = calls_to(server, h->callees[i].peer);
		if (cnt != h->callees[i].cnt || !cnt)
			h->callees[i].runs = 0;
		h->callees[i].runs += cnt != 0;
		h->callees[i].cnt = cnt;
	}
	for (i = 0; i < server->n_callees; i++)
		add_callee(h, server->callees[i].peer, server->callees[i].cnt);
}

/* All that the process serves, when what it sends is known to be for it. */
struct request *habit__sole(struct correlate *c, const struct request *r)
{
	struct correlate_process *p = open__process(c, r->tgid);
	uint64_t peer = peer_of(r);
	bool known;

	if (!p || !p->n_open) {
		c->stats.background++;
		if (!p) /* it has served nothing, ever: there is nothing to be mistaken for */
			return NULL;
		if (r->start_ns >= p->loose_until_ns)
			note_background(c, peer, r->start_ns);
		inject__habit(c, p, r->conn, false);
		return NULL;
	}
	if (!p->open->alone || p->open->loose) { /* another may have had effects yet to come */
		c->stats.ambiguous++;
		return NULL;
	}
	count_call(p->open, peer);
	known = !p->opaque && is_habit(c, p->open, peer) && !is_background(c, peer, r->start_ns);
	inject__habit(c, p, r->conn, known);
	c->stats.unproven += !known;
	return known ? p->open : NULL;
}
