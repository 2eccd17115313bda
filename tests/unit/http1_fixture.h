/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/1 from records to transactions. Whatever way the same bytes are cut into calls, and
 * whichever side is observed, the transactions are the same. Whatever records are lost, none
 * is wrong.
 */
#ifndef RED_TEST_HTTP1_FIXTURE_H
#define RED_TEST_HTTP1_FIXTURE_H

#include "http1_conversation.h"

/* ---- judging ---- */

/* Is the line what was wanted? `errors` in want are "server|client", '*' is any number. */
static bool line_is(const char *line, const char *want, size_t want_len, bool server)
{
	const char *end = want + want_len, *bar = memchr(want, '|', want_len), *sp;
	char one[600];
	size_t n;

	if (bar) { /* cut the other side's word out */
		for (sp = bar; sp > want && sp[-1] != ' '; sp--)
			;
		n = snprintf(one, sizeof(one), "%.*s", (int)(sp - want), want);
		if (server)
			n += snprintf(one + n, sizeof(one) - n, "%.*s", (int)(bar - sp), sp);
		sp = memchr(bar, ' ', end - bar);
		if (!server)
			n += snprintf(one + n, sizeof(one) - n, "%.*s", (int)(sp - bar - 1),
				      bar + 1);
		snprintf(one + n, sizeof(one) - n, "%.*s", (int)(end - sp), sp);
	} else {
		snprintf(one, sizeof(one), "%.*s", (int)want_len, want);
	}
	for (want = one; *want && *line; want++, line++) {
		if (*want == '*')
			for (; line[1] >= '0' && line[1] <= '9';)
				line++;
		else if (*want != *line)
			return false;
	}
	return !*want && !*line;
}

static const char *describe(const struct play *p)
{
	static char text[4096];
	int i, n;

	n = snprintf(text, sizeof(text), "\"%s\" (%s, mode %d, cuts %d: %d %d, lost %d %d):\n",
		     p->c->name, p->server ? "server" : "client", p->mode, p->n_cuts, p->cut[0],
		     p->cut[1], p->lose[0], p->lose[1]);
	for (i = 0; i < p->n_seen; i++)
		n += snprintf(text + n, sizeof(text) - n, "%.80s\n", p->seen[i].text);
	return text;
}

/* What a head said beyond its start line is not known when the rest did not come. */
static bool span_is(const struct play *p, const struct seen *k, const char *want, size_t len)
{
	const char *end = want + len;
	int i, fields = 3; /* method, path, status */

	if (!(k->flags & SPAN_HEAD_CUT) || (p->lose[0] < 0 && !p->c->loose))
		return line_is(k->text, want, len, p->server);
	for (i = 0; want < end && k->text[i] == *want; i++)
		if (*want++ == ' ' && !--fields)
			return true;
	return false;
}

/* Every transaction seen is one of those wanted, in their order. Returns how many are missing;
 * which[i] becomes the number of the i-th seen. */
static int judge(const struct play *p, int *which)
{
	char want[4096];
	const char *line = want, *nl;
	int i = 0, n = 0, missing = 0;

	snprintf(want, sizeof(want), "%s%s", p->c->want,
		 p->tail && !p->c->last ? "GET /later 200 - 0 4\nGET /last 200 - 0 1\n" : "");
	for (; (nl = strchr(line, '\n')); line = nl + 1, n++) {
		if (i < p->n_seen && span_is(p, &p->seen[i], line, nl - line))
			which[i++] = n;
		else
			missing++;
	}
	if (i < p->n_seen)
		fail_msg("wrong: %s", describe(p));
	return missing;
}

static void play_whole(struct play *p, const struct conversation *c, bool server, enum wire_mode m)
{
	memset(p, 0, offsetof(struct play, w));
	p->c = c;
	p->server = server;
	p->mode = m;
	p->lose[0] = p->lose[1] = -1;
}

/* Where each transaction begins and ends, as numbers of bytes, from a run that sees each byte
 * at its own time. */
struct truth {
	int start[MAX_SPANS], end[MAX_SPANS];
};

static int index_of(const struct play *p, uint64_t ts_ns)
{
	int i;

	for (i = 0; i < p->at; i++)
		if (p->ts_of[i] == ts_ns)
			return i;
	fail_msg("no byte at %llu: %s", (unsigned long long)ts_ns, describe(p));
	return -1;
}

static void find_truth(struct play *p, struct truth *t)
{
	int which[MAX_SPANS], i;

	p->n_cuts = 1;
	p->cut[0] = -1;
	play(p);
	if (judge(p, which))
		fail_msg("missing: %s", describe(p));
	for (i = 0; i < p->n_seen; i++) {
		t->start[i] = index_of(p, p->seen[i].start_ns);
		t->end[i] = index_of(p, p->seen[i].end_ns);
	}
}

static void check_times(const struct play *p, const struct truth *t, const int *which)
{
	int i;

	for (i = 0; i < p->n_seen; i++) {
		const struct seen *s = &p->seen[i];

		if (s->start_ns != p->ts_of[t->start[which[i]]])
			fail_msg("start of %s in %s", s->text, describe(p));
		if (s->end_ns != p->ts_of[t->end[which[i]]] &&
		    !(p->c->loose && s->flags & SPAN_LENGTH_INFERRED))
			fail_msg("end of %s in %s", s->text, describe(p));
		assert_true(!s->request_end_ns || s->request_end_ns >= s->start_ns);
		assert_true(!s->response_start_ns || s->response_start_ns <= s->end_ns);
	}
}

static void play_and_check(struct play *p, const struct truth *t)
{
	int which[MAX_SPANS];

	play(p);
	if (judge(p, which) && (p->mode == WIRE_ALL || !p->c->loose))
		fail_msg("missing: %s", describe(p));
	check_times(p, t, which);
}

/* Those have a time of their own, as bytes have. */
static bool is_end(enum what what)
{
	return what == C_CLOSE || what == S_CLOSE || what == RESET || what == TIMEOUT;
}

static bool worth_cutting(const struct conversation *c, int at)
{
	int from = 0, len;
	size_t i;

	for (i = 0; i < MAX_STEPS && c->steps[i].what != END; i++, from += len) {
		len = c->steps[i].s ? (int)strlen(c->steps[i].s) : (int)c->steps[i].n;
		len = len ? len : is_end(c->steps[i].what);
		if (at < from + len) /* of a long one only the ends and some of the middle */
			return len < 700 || at - from < 60 || from + len - at < 60 ||
			       (at - from) % 509 < 2;
	}
	return false;
}

static struct play the_play; /* large */
static const struct conversation *played;
static size_t n_played;

static void for_each(enum wire_mode mode, void (*fn)(struct play *p, const struct truth *t))
{
	struct truth t;
	size_t i;
	int server;

	for (i = 0; i < n_played; i++) {
		for (server = 0; server < 2; server++) {
			play_whole(&the_play, &played[i], server, WIRE_ALL);
			find_truth(&the_play, &t);
			play_whole(&the_play, &played[i], server, mode);
			fn(&the_play, &t);
		}
	}
}
/* ---- ways to play all ---- */

static void whole(struct play *p, const struct truth *t)
{
	int which[MAX_SPANS];

	play(p);
	if (judge(p, which))
		fail_msg("missing: %s", describe(p));
	check_times(p, t, which);
	p->tail = true;
	play(p);
	if (judge(p, which))
		fail_msg("missing: %s", describe(p));
}

static void as_sent(void **state)
{
	for_each(WIRE_AUTO, whole);
	for_each(WIRE_ALL, whole);
}

static void byte_by_byte(struct play *p, const struct truth *t)
{
	p->n_cuts = 1;
	p->cut[0] = -1;
	play_and_check(p, t);
}

static void each_split(struct play *p, const struct truth *t)
{
	int total = p->at;

	for (p->cut[0] = 1, p->n_cuts = 1; p->cut[0] < total; p->cut[0]++)
		if (worth_cutting(p->c, p->cut[0]))
			play_and_check(p, t);
}

static void each_pair_of_splits(struct play *p, const struct truth *t)
{
	int total = p->at;

	if (total > 260)
		return;
	p->n_cuts = 2;
	for (p->cut[0] = 1; p->cut[0] < total; p->cut[0]++)
		for (p->cut[1] = p->cut[0] + 1; p->cut[1] < total; p->cut[1]++)
			play_and_check(p, t);
}

static void cut_anywhere(void **state)
{
	for_each(WIRE_AUTO, byte_by_byte);
	for_each(WIRE_AUTO, each_split);
	for_each(WIRE_ALL, each_split);
}

static void cut_twice(void **state)
{
	for_each(WIRE_AUTO, each_pair_of_splits);
	for_each(WIRE_ALL, each_pair_of_splits);
}

static void blind(struct play *p, const struct truth *t)
{
	play(p);
	assert_int_equal(p->n_seen, 0);
	assert_int_equal(p->env.stat[0].observed, 0);
}

static void nothing_but_offsets(void **state)
{
	for_each(WIRE_OFFSETS, blind);
}

/* The first record announces the connection: without it there is none. */
static void lose_and_judge(struct play *p)
{
	int which[MAX_SPANS], missing;

	play(p);
	missing = judge(p, which);
	if (p->c->last || p->c->loose || p->c->streams)
		return;
	if (p->n_seen < 1 || strcmp(p->seen[p->n_seen - 1].text, "GET /last 200 - 0 1"))
		fail_msg("not right again, %d missing: %s", missing, describe(p));
}

static void lose_each(struct play *p, const struct truth *t)
{
	int n;

	if (p->c->whole)
		return;
	p->tail = true;
	play(p);
	n = p->n_records - (p->c->last ? 0 : 4); /* polls and the last request are not lost */
	for (p->lose[0] = 1; p->lose[0] < n; p->lose[0]++) {
		p->lose[1] = -1;
		lose_and_judge(p);
		for (p->lose[1] = p->lose[0] + 1; p->lose[1] < n && !p->c->streams; p->lose[1]++)
			lose_and_judge(p);
	}
	p->lose[1] = -1;
	p->n_cuts = 1;
	p->cut[0] = 40;
	for (p->lose[0] = 1; p->lose[0] < n; p->lose[0]++)
		lose_and_judge(p);
}

static void records_lost(void **state)
{
	for_each(WIRE_AUTO, lose_each);
	for_each(WIRE_ALL, lose_each);
}

static int play_all(const struct conversation *all, size_t n)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_sent),      cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(cut_twice),    cmocka_unit_test(nothing_but_offsets),
		cmocka_unit_test(records_lost),
	};
	char *formats[] = { "tracecontext", "b3" };
	struct options traced = { .propagators = { formats, 2 },
				  .request_id_header = "Host",
				  .debug_header = "Content-Length" };
	int failed;

	played = all;
	n_played = n;
	wants = header_wants__new(&traced);
	failed = cmocka_run_group_tests(tests, NULL, free_pool);
	header_wants__free(wants);
	return failed;
}

#endif /* RED_TEST_HTTP1_FIXTURE_H */
