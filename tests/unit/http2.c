// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whatever way the same frames come, the transactions are the same; whatever is missed, none
 * is wrong. */
#include "http2_play.h"

static const struct script scripts[] = {
	{ "one", { { "GET", 200, 0, 5 } } },
	{ "one after the other",
	  { { "GET", 200, 0, 100 },
	    { "POST", 201, 10, 0 },
	    { "HEAD", 204 },
	    { "GET", 404, 0, 20000 } },
	  .n = 12 },
	{ "at once",
	  { { "GET", 200, 0, 10 },
	    { "POST", 500, 5000, 7000 },
	    { "PUT", 200, 100, 100 },
	    { "BREW", 418, 0, 3 } },
	  .n = 64,
	  .at_once = 64 },
	{ "padded",
	  { { "GET", 200, 0, 10 },
	    { "POST", 200, 300, 700 },
	    { "PUT", 200, 1, 1, .trailers = true } },
	  .n = 9,
	  .at_once = 3,
	  .padding = 200 },
	{ "trailers, interim answers",
	  { { "POST", 200, 20, 20, .trailers = true },
	    { "GET", 200, 0, 20, .interim = true },
	    { "GET", 503, 0, 0, .interim = true, .trailers = true } },
	  .n = 6,
	  .at_once = 2 },
	{ "long headers",
	  { { "GET", 200, 0, 1, .header = 3000 },
	    { "GET", 200, 0, 1, .header = 15000 },
	    { "GET", 200, 0, 1, .header = 30000 },
	    { "GET", 200, 0, 1 } } },
	{ "resets",
	  { { "GET", 200, 0, 100000, .ending = CLIENT_CANCELS },
	    { "GET", 200, 0, 10 },
	    { "POST", 200, 10, 10, .ending = SERVER_RESETS },
	    { "GET", 200, 0, 10, .ending = SERVER_REFUSES },
	    { "GET", 200, 0, 10 },
	    { "GET", 200, 0, 10, .ending = NEVER } },
	  .at_once = 6 },
	{ "push",
	  { { "GET", 200, 0, 10 }, { "GET", 200, 0, 20 } },
	  .n = 6,
	  .at_once = 2,
	  .push = true },
	{ "tunnels",
	  { { "CONNECT", 200, .protocol = "websocket" },
	    { "GET", 200, 0, 20 },
	    { "CONNECT", 403, 0, 3 },
	    { "CONNECT", 200, 0, 300 },
	    { "GET", 200, 0, 20 } },
	  .at_once = 2 },
	{ "no table", { { "GET", 200, 0, 10 }, { "POST", 200, 7, 20 } }, .n = 8, .table = 1 },
	{ "a large table",
	  { { "GET", 200, 0, 10 }, { "POST", 200, 7, 20 } },
	  .n = 8,
	  .table = 65536 },
};

static void each_script(void (*fn)(void))
{
	size_t i;
	int server;

	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		record(&scripts[i]);
		for (server = 0; server < 2; server++) {
			play_whole(server);
			fn();
		}
	}
}

static void play_all(void)
{
	play();
	if (pl.n_seen != rec.submitted || pl.n_unknown)
		fail_msg("%s: %d of %d seen, %d with unknown fields", rec.s->name, pl.n_seen,
			 rec.submitted, pl.n_unknown);
}

static void whole(void)
{
	play_all();
	pl.joined = true;
	play_all();
	pl.each_byte = true;
	play_all();
	pl.capped = true;
	play_all();
	pl.each_byte = false;
	play_all();
}

static void as_sent(void **state)
{
	each_script(whole);
}

static void each_cut(void)
{
	int total = rec.len[0] + rec.len[1], dense = total < 9000;

	pl.joined = true;
	for (pl.cut = 1; pl.cut < total; pl.cut += dense ? 1 : 37) {
		pl.capped = pl.cut & 1;
		play_all();
	}
}

static void cut_anywhere(void **state)
{
	each_script(each_cut);
}

/* Those whose request begins later have to be seen, from the first frame on. But a CONNECT
 * may consist of nothing that is known: so no fewer than the others. */
static int begun_since(int call, bool all)
{
	int i, n = 0;
	uint32_t off = UINT32_MAX;

	for (i = call; i < rec.n_calls && off == UINT32_MAX; i++)
		if (!rec.calls[i].dir)
			off = rec.calls[i].off;
	for (i = 1; i < MAX_STREAM; i += 2)
		n += rec.truth[i].began && rec.truth[i].start >= off &&
		     (all || rec.truth[i].path[0]);
	return n;
}

static void each_beginning(void)
{
	for (pl.from = 1; pl.from < rec.n_calls; pl.from++) {
		pl.capped = pl.from & 1;
		pl.joined = pl.from & 2;
		play();
		if (pl.n_seen < begun_since(pl.from, false) ||
		    pl.n_seen > begun_since(pl.from, true))
			fail_msg("%s from %d: %d seen", rec.s->name, pl.from, pl.n_seen);
	}
}

static void attached_late(void **state)
{
	each_script(each_beginning);
}

/* What begins behind a gap is seen, from the next frame on. */
static void play_with_gap(void)
{
	play();
	if (pl.n_seen < begun_since(pl.gap + pl.gap_n, false))
		fail_msg("%s without %d calls from %d: %d seen", rec.s->name, pl.gap_n, pl.gap,
			 pl.n_seen);
}

static void each_gap(void)
{
	for (pl.gap = 0; pl.gap < rec.n_calls; pl.gap++)
		for (pl.gap_n = 1; pl.gap_n < 4; pl.gap_n++)
			for (pl.capped = 0; pl.capped < 2; pl.capped++) {
				pl.tell_loss = false;
				play_with_gap();
				pl.tell_loss = true;
				play_with_gap();
			}
}

/* Any of all that, and more than one hole. */
static void at_random(void **state)
{
	struct script s = { "at random", .n = 30 };
	int i;

	srand(1);
	for (i = 0; i < 400; i++) {
		s.at_once = 1 + rand() % 64;
		s.padding = rand() % 3 ? 0 : rand() % 100;
		s.table = rand() % 3 ? 0 : rand() % 5000;
		memcpy(s.asked, scripts[2 + rand() % 5].asked, sizeof(s.asked));
		record(&s);
		play_whole(rand() & 1);
		pl.joined = rand() & 1;
		pl.capped = rand() & 1;
		pl.each_byte = !(rand() % 8);
		pl.from = rand() % 2 ? 0 : rand() % rec.n_calls;
		pl.holes = rand() % 3 ? 0 : 3 + rand() % 60;
		play();
		if (!pl.from && !pl.holes)
			assert_int_equal(pl.n_seen, rec.submitted);
	}
	pl.holes = 0;
}

static void calls_missed(void **state)
{
	each_script(each_gap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_sent),       cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(attached_late), cmocka_unit_test(calls_missed),
		cmocka_unit_test(at_random),
	};

	return cmocka_run_group_tests(tests, NULL, free_pool);
}
