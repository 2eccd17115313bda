// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a protocol is told of a record in pieces, and what it may have the kernel side copy. The
 * table of protocols is this file's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conn.h"

static char told[1024];
static struct conn_table *t;
static struct proto_env env;
static struct red_ev_data *ev;
static uint64_t off[2];
static enum red_poll_cmd asked[8]; /* of the kernel side */
static size_t n_asked;

/* ---- a protocol that says what it was told ---- */

static void say(const char *format, ...)
{
	size_t n = strlen(told);
	va_list args;

	va_start(args, format);
	vsnprintf(told + n, sizeof(told) - n, format, args);
	va_end(args);
}

static bool match(const struct proto_bytes *b)
{
	return *b->p != '?';
}

static int open_(void *state, struct conn *c, struct proto_env *e)
{
	return 0;
}

static void bytes(void *state, enum red_dir dir, const struct proto_bytes *b)
{
	say("%c%d%s%s:%.*s ", dir ? '<' : '>', (int)b->off, b->first ? "!" : "",
	    b->frame ? "#" : "", (int)b->len, b->p);
}

static void skipped(void *state, enum red_dir dir, uint64_t n, uint64_t last_ns,
		    const uint8_t *tail)
{
	assert_int_equal(last_ns, ev->h.ts_ns);
	assert_null(tail);
	say("%c-%d ", dir ? '<' : '>', (int)n);
}

static void end(void *state, const struct proto_end *e)
{
}

static void drop(void *state, enum proto_drop why)
{
}

static void lost(void *state)
{
	say("lost ");
}

static bool no(const void *state)
{
	return false;
}

static const struct proto teller = {
	.name = "teller",
	.mode = RED_POLL_MODE_ALL,
	.match = match,
	.open = open_,
	.bytes = bytes,
	.skip = skipped,
	.close = end,
	.drop = drop,
	.lost = lost,
	.pending = no,
	.done = no,
};

const struct proto *const protos[] = { &teller, NULL };

/* ---- records ---- */

static int poll_(void *arg, const struct conn *c, enum red_poll_cmd cmd)
{
	assert_true(n_asked < sizeof(asked) / sizeof(asked[0]));
	asked[n_asked++] = cmd;
	return 0;
}

static int set_up(void **state)
{
	struct conn_table_config cfg = { .max_conns = 2, .env = &env, .poll = poll_ };
	struct red_ev_open open = {
		.h = { .len = sizeof(open), .kind = RED_EV_OPEN, .ts_ns = 1 },
		.conn_id = 1,
		.established = 1,
	};

	t = conn_table__new(&cfg);
	assert_non_null(t);
	conn_table__open(t, &open);
	ev = calloc(1, sizeof(*ev) + RED_CAP_MAX);
	assert_non_null(ev);
	off[0] = off[1] = 0;
	told[0] = 0;
	n_asked = 0;
	return 0;
}

static int tear_down(void **state)
{
	conn_table__free(t);
	free(ev);
	return 0;
}

static void begin(int dir, uint8_t flags, uint16_t more)
{
	uint64_t ts_ns = ev->h.ts_ns + 1;

	memset(ev, 0, sizeof(*ev));
	ev->h.kind = RED_EV_DATA;
	ev->h.ts_ns = ts_ns;
	ev->conn_id = 1;
	ev->off = off[dir];
	ev->dir = dir;
	ev->flags = RED_DATA_PIECES | flags;
	ev->more = more;
	ev->other_off = off[!dir];
}

static void piece(const char *s, uint32_t left_out)
{
	struct red_piece head = { .len = strlen(s), .skip = left_out };
	char *at = (char *)(ev + 1) + ev->cap_len;

	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), s, head.len);
	ev->cap_len += sizeof(head) + head.len;
	ev->len += head.len + left_out;
}

static void end_of_record(void)
{
	ev->h.len = sizeof(*ev) + ev->cap_len;
	off[ev->dir] += ev->len;
	conn_table__data(t, ev);
}

static void is_told(const char *expected)
{
	assert_string_equal(told, expected);
	told[0] = 0;
}

/* ---- cases ---- */

static void in_order(void **state)
{
	begin(0, RED_DATA_FIRST, RED_MORE_FRAME);
	piece("head", 100);
	piece("next", 0);
	end_of_record();
	is_told(">0!#:head >-100 >104:next ");
	begin(0, 0, 0);
	piece("more", 7);
	end_of_record();
	is_told(">108:more >-7 ");
	begin(1, RED_DATA_FIRST, RED_MORE_FRAME);
	piece("answer", 0);
	end_of_record();
	is_told("<0!#:answer ");
}

/* What a turn or a frame begins with is the first byte, or it was left out. */
static void nothing_first(void **state)
{
	begin(0, 0, RED_MORE_FRAME);
	piece("a", 0);
	end_of_record();
	told[0] = 0;
	begin(1, RED_DATA_FIRST, RED_MORE_FRAME);
	piece("", 5);
	piece("b", 1);
	end_of_record();
	is_told("<-5 <5:b <-1 ");
	begin(1, 0, 0);
	piece("", 3);
	end_of_record();
	is_told("<-3 ");
}

/* A call of two records: the second goes on where the first ended. */
static void two_records(void **state)
{
	begin(0, RED_DATA_FIRST, RED_MORE_FRAME);
	piece("a", 9);
	end_of_record();
	begin(0, 0, RED_MORE_FRAME);
	piece("b", 0);
	end_of_record();
	is_told(">0!#:a >-9 >10#:b ");
}

/* The other direction has moved, of which no record came. */
static void a_record_lost(void **state)
{
	begin(0, RED_DATA_FIRST, RED_MORE_FRAME);
	piece("a", 0);
	end_of_record();
	told[0] = 0;
	off[1] = 50;
	begin(0, 0, RED_MORE_FRAME);
	piece("b", 0);
	ev->other_ns = ev->h.ts_ns;
	end_of_record();
	is_told("<-50 lost >1#:b ");
}

static void nobody_knows(void **state)
{
	begin(0, RED_DATA_FIRST, 0);
	piece("?", 10);
	piece("b", 1);
	end_of_record();
	is_told(">11:b >-1 "); /* what was left out before nobody is told */
	begin(0, 0, 0);
	piece("c", 0);
	end_of_record();
	is_told(">13:c ");
}

/* Once, when it is known which protocol it is. */
static void a_mode_of_its_own(void **state)
{
	begin(0, RED_DATA_FIRST, 0);
	piece("?", 0);
	end_of_record();
	assert_int_equal(n_asked, 0);
	begin(0, 0, 0);
	piece("a", 0);
	piece("b", 0);
	end_of_record();
	assert_int_equal(n_asked, 1);
	assert_int_equal(asked[0], RED_POLL_MODE_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_records, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_record_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_knows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_mode_of_its_own, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
