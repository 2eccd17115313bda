// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which bytes begin a request where one can but need not. */
#include "conn_fixture.h"

#define REQUEST(method, path) method " " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define N(a)                  (sizeof(a) / sizeof((a)[0]))

static char *named[] = { "PROPFIND", "brew", "GO" };

static int fresh(void **state)
{
	options.known_methods = (struct str_list){ 0 };
	return set_up(state);
}

static int fresh_with_named(void **state)
{
	int err = fresh(state);

	options.known_methods = (struct str_list){ named, N(named) };
	return err;
}

/* On a connection that was open before, as every UNIX socket's is. */
static bool begins(const char *first, const char *more)
{
	int had = n_seen;

	wire_init(&w, feed, t);
	w.id = now;
	w.established = false;
	in(first);
	if (more)
		in(more);
	out(OK);
	return n_seen == had + 1;
}

static void methods_that_are_not_known(void **state)
{
	static const char *const all[] = {
		REQUEST("PROPFIND", "/a"),
		REQUEST("REPORT", "/a"),
		REQUEST("MKCOL", "/a/"),
		REQUEST("LOCK", "/a"),
		REQUEST("PURGE", "/a"),
		REQUEST("M-SEARCH", "*"),
		REQUEST("VERSION-CONTROL", "/a"),
		REQUEST("PURGE", "http://h/a"),
		"ACL /a HTTP/1.0\n\n",
		"\r\n" REQUEST("PROPFIND", "/a?b c"),
	};
	size_t i;

	for (i = 0; i < N(all); i++)
		if (!begins(all[i], NULL))
			fail_msg("does not begin: %s", all[i]);
}

static void what_is_none(void **state)
{
	static const char *const all[] = {
		REQUEST("ET", "/a"), /* the rest of a GET, */
		REQUEST("OST", "/a"),
		REQUEST("PTIONS", "*"),
		REQUEST("AB", "/a"),
		REQUEST("propfind", "/a"),
		REQUEST("Propfind", "/a"),
		REQUEST("-ABC", "/a"),
		REQUEST("ABC-", "/a"),
		REQUEST("PROPFIND", "a"),
		REQUEST("PROPFIND", "a.b:80"),
		"PROPFIND / HTTP/2.0\r\n\r\n",
		"SETUP rtsp://h/a RTSP/1.0\r\n\r\n",
		"PROPFIND /a\r\n\r\n",
		"PROPFIND /a HTTP/1.1", /* the line may go on in another way */
		"PROPFIND",
		"PROPFIND ",
	};
	size_t i;

	for (i = 0; i < N(all); i++)
		if (begins(all[i], NULL))
			fail_msg("begins: %s", all[i]);
}

static void a_line_longer_than_a_look(void **state)
{
	char text[1000];

	snprintf(text, sizeof(text), "PROPFIND /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", 600, 7);
	assert_true(begins(text, NULL));
}

/* Known ones begin even where their line is cut, and so do those that the user named. */
static void parts(void **state)
{
	assert_true(begins("G", "ET /a HTTP/1.1\r\n\r\n"));
	assert_true(begins("GET", " /a HTTP/1.1\r\n\r\n"));
	assert_true(begins("GET /a HT", "TP/1.1\r\n\r\n"));
	assert_false(begins("PROPF", "IND /a HTTP/1.1\r\n\r\n"));
	assert_false(begins("PROPFIND /a HT", "TP/1.1\r\n\r\n"));
}

static void parts_of_named(void **state)
{
	assert_true(begins("G", "ET /a HTTP/1.1\r\n\r\n"));
	assert_true(begins("PROPF", "IND /a HTTP/1.1\r\n\r\n"));
	assert_true(begins("PROPFIND /a HT", "TP/1.1\r\n\r\n"));
	assert_true(begins("br", "ew /a HTTP/1.1\r\n\r\n"));
	assert_true(begins(REQUEST("GO", "/a"), NULL));
	assert_true(begins(REQUEST("POST", "/a"), NULL));
	assert_true(begins(REQUEST("PURGE", "/a"), NULL));
	assert_false(begins(REQUEST("FIND", "/a"), NULL)); /* of PROPFIND */
	assert_false(begins(REQUEST("OST", "/a"), NULL));
}

/* Whoever is observed. */
static void a_client(void **state)
{
	w.established = false;
	out(REQUEST("REPORT", "/a"));
	in(OK);
	assert_int_equal(n_seen, 1);
	assert_string_equal(seen[0].path, "/a");
	assert_int_equal(seen[0].status, 200);
}

static void after_a_gap(void **state)
{
	in(GET("/a"));
	out(OK);
	w.d[RED_DIR_IN].off += 100; /* of a record that was lost */
	in(REQUEST("PROPFIND", "/b"));
	out(OK);
	in(REQUEST("PROPFIND", "/c"));
	out(OK);
	assert_string_equal(seen[n_seen - 1].path, "/c");
}

static void after_a_cut_head(void **state)
{
	static char text[6000];

	snprintf(text, sizeof(text), "PUT /a HTTP/1.1\r\nX: %05000d\r\n\r\n", 7);
	in(text);
	out(OK);
	in(REQUEST("LOCK", "/b"));
	out(OK);
	assert_int_equal(n_seen, 2);
	assert_string_equal(seen[1].path, "/b");
}

/* The body was not sent, since it was refused. */
static void instead_of_a_body(void **state)
{
	in("PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 600\r\n\r\n");
	out("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
	in(REQUEST("PROPFIND", "/b"));
	out(OK);
	assert_int_equal(n_seen, 2);
	assert_int_equal(seen[0].status, 401);
	assert_string_equal(seen[1].path, "/b");
	assert_int_equal(seen[1].status, 200);
}

/* Where it is known how long a body is, its bytes are a body's. */
static void within_a_body(void **state)
{
	in("PUT /a HTTP/1.1\r\nContent-Length: 36\r\n\r\n");
	in(REQUEST("PROPFIND", "/b")); /* 33 bytes */
	in("\r\n.");
	out(OK);
	in(GET("/c"));
	out(OK);
	assert_int_equal(n_seen, 2);
	assert_string_equal(seen[0].path, "/a");
	assert_string_equal(seen[1].path, "/c");
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, fresh, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(methods_that_are_not_known),
		FRESH(what_is_none),
		FRESH(a_line_longer_than_a_look),
		FRESH(parts),
		cmocka_unit_test_setup_teardown(parts_of_named, fresh_with_named, tear_down),
		FRESH(a_client),
		FRESH(after_a_gap),
		FRESH(after_a_cut_head),
		FRESH(instead_of_a_body),
		FRESH(within_a_body),
	};

	return cmocka_run_group_tests(tests, NULL, free_pool);
}
