// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "options.h"
#include "route.h"

enum { MAX_ROUTES = 100, MAX_BYTES = 320 * 1000 };

static struct route_table *table(void)
{
	struct route_table *t = route_table__new(NULL, true, MAX_ROUTES);

	assert_non_null(t);
	return t;
}

static const char *route(struct route_table *t, const char *path)
{
	return route_table__get(t, slice_of(path), true).template;
}

/* ---- single paths ---------------------------------------------------------------- */

static void test_one_path(void **state)
{
	static const char *const cases[][2] = {
		{ "/", "/" },
		{ "//", "/" },
		{ "/health", "/health" },
		{ "/a/b/", "/a/b" },
		{ "//a//b", "/a/b" },
		{ "/users/4711", "/users/{id}" },
		{ "/users/4711/orders/12", "/users/{id}/orders/{id}" },
		{ "/o/550e8400-e29b-41d4-a716-446655440000", "/o/{id}" },
		{ "/o/507f1f77bcf86cd799439011", "/o/{id}" },
		{ "/o/DEADBEEF0", "/o/{id}" },
		{ "/o/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/o/{id}" },
		{ "/watch/dQw4w9WgXcQ", "/watch/{id}" },
		{ "/t/eyJhbGciOiJIUzI1NiJ9eyJzdWIiOiIxMjM0", "/t/{id}" },
		{ "/users/bob@example.com", "/users/{id}" },
		{ "/search/foo%20bar", "/search/{id}" },
		{ "/invoice/INV-2026-0001", "/invoice/{id}" },
		{ "/day/2026-11-21", "/day/{id}" },
		{ "/u/user12345", "/u/{id}" },
		{ "/x/..", "/x/{id}" },
		{ "/x/{id}", "/x/{id}" },
		{ "/x/*", "/x/{id}" },
		{ "/x/\xff\xfe", "/x/{id}" },
		{ "/x/<script>", "/x/{id}" },
		/* words with digits */
		{ "/api/v1/x", "/api/v1/x" },
		{ "/apis/apps/v1beta1", "/apis/apps/v1beta1" },
		{ "/1.1/statuses", "/1.1/statuses" },
		{ "/oauth2/callback", "/oauth2/callback" },
		{ "/facade/deadbeef", "/facade/deadbeef" },
		{ "/i18n/en-US", "/i18n/en-US" },
		{ "/v1/models/gemini:generateContent", "/v1/models/gemini:generateContent" },
		{ "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Check" },
		{ "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		  "/opentelemetry.proto.collector.trace.v1.TraceService/Export" },
		/* files */
		{ "/assets/app.3f2a1b.js", "/assets/*.js" },
		{ "/assets/app.JS", "/assets/*.JS" },
		{ "/favicon.ico", "/*.ico" },
		{ "/img/a%20b.png", "/img/*.png" },
		{ "/report/4711.csv", "/report/*.csv" },
		{ "/index.html", "/index.html" },
		{ "/robots.txt", "/robots.txt" },
		{ "/.well-known/security", "/.well-known/security" },
		{ "/.js", "/.js" },
		/* matrix parameters */
		{ "/login;jsessionid=AF12/x", "/login/x" },
		{ "/login;v=1", "/login" },
		{ "/;a/b;/c", "/b/c" },
		/* depth */
		{ "/a/b/c/d/e/f/g/h", "/a/b/c/d/e/f/g/h" },
		{ "/a/b/c/d/e/f/g/h/i", "/a/b/c/d/e/f/g/h/*" },
		{ "/a/b/c/d/e/f/g/h/i/j/k", "/a/b/c/d/e/f/g/h/*" },
		{ "", NULL },
		{ "*", NULL },
		{ "a/b", NULL },
	};
	struct route_table *t;
	struct route_result r;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		t = table();
		r = route_table__get(t, slice_of(cases[i][0]), true);
		if (cases[i][1])
			assert_string_equal(r.template, cases[i][1]);
		else
			assert_null(r.template);
		assert_int_equal(r.learned, cases[i][1] != NULL);
		assert_ptr_equal(route(t, cases[i][0]), r.template);
		route_table__free(t);
	}
}

static void test_segment_of_64_bytes_is_literal_65_is_not(void **state)
{
	struct route_table *t = table();
	char path[128] = "/x/";

	memset(path + 3, 'w', 64);
	assert_string_equal(route(t, path), path);
	memset(path + 3, 'w', 65);
	assert_string_equal(route(t, path), "/x/{id}");
	route_table__free(t);
}

/* A path is a slice: the byte behind it is not ours. */
static void test_every_prefix_stays_inside(void **state)
{
	static const char path[] =
		"/api/v1;x=1/users/550e8400-e29b-41d4-a716-446655440000/f.min.js/a";
	struct route_table *t = table();
	size_t n;

	for (n = 0; n < sizeof(path); n++) {
		char *copy = malloc(n ? n : 1);

		memcpy(copy, path, n);
		route_table__get(t, (struct slice){ copy, n }, true);
		free(copy);
	}
	assert_string_equal(route(t, path), "/api/v1/users/{id}/*.js/a");
	route_table__free(t);
}

/* ---- words that are parameters ----------------------------------------------------- */

static void test_node_closes(void **state)
{
	struct route_table *t = table();
	const char *me, *r = NULL;
	char path[64];
	int i;

	for (i = 0; i < 100; i++)
		me = route(t, "/users/me/settings");
	for (i = 0; i < 60; i++) {
		snprintf(path, sizeof(path), "/users/name%c%c/posts", 'a' + i / 26, 'a' + i % 26);
		r = route(t, path);
	}
	assert_string_equal(r, "/users/{id}/posts");
	assert_ptr_equal(route(t, "/users/nameaa/posts"), r); /* was a literal, and rare */
	assert_ptr_equal(route(t, "/users/4711/posts"), r);
	assert_ptr_equal(route(t, "/users/me/settings"), me); /* frequent: keeps its name */
	assert_true(route_table__learned(t) <= 27);
	route_table__free(t);
}

/* What was below a literal keeps nothing of the literal's name. */
static void test_ids_below_a_node_that_closes(void **state)
{
	struct route_table *t = table();
	char path[64];
	int i;

	for (i = 0; i < 60; i++) {
		snprintf(path, sizeof(path), "/u/name%c%c/%d", 'a' + i / 26, 'a' + i % 26, i);
		route(t, path);
	}
	assert_string_equal(route(t, "/u/nameaa/1"), "/u/{id}/{id}");
	assert_string_equal(route(t, "/u/namezz/1"), "/u/{id}/{id}");
	route_table__free(t);
}

static void test_closed_stays_closed_when_merged(void **state)
{
	struct route_table *t = table();
	char path[64];
	int i;

	for (i = 0; i < 40; i++) { /* /u/aa/... closes */
		snprintf(path, sizeof(path), "/u/aa/name%c%c", 'a' + i / 26, 'a' + i % 26);
		route(t, path);
	}
	for (i = 0; i < 40; i++) { /* then /u/ does, and {id} takes over what was below aa */
		snprintf(path, sizeof(path), "/u/b%c%c", 'a' + i / 26, 'a' + i % 26);
		route(t, path);
	}
	assert_string_equal(route(t, "/u/cc"), "/u/{id}");
	assert_string_equal(route(t, "/u/cc/word"), "/u/{id}/{id}");
	route_table__free(t);
}

static void test_flat_api_of_25_endpoints(void **state)
{
	struct route_table *t = table();
	char path[64];
	int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < 25; i++) {
			snprintf(path, sizeof(path), "/api/word%c", 'a' + i);
			assert_string_equal(route(t, path), path);
		}
	}
	assert_int_equal(route_table__learned(t), 25);
	route_table__free(t);
}

/* github: two parameters that multiply */
static void test_owner_and_repository(void **state)
{
	struct route_table *t = table();
	char path[64];
	int i;

	for (i = 0; i < 5000; i++) {
		snprintf(path, sizeof(path), "/repos/owner%c%c/repo%c%c/issues/%d", 'a' + i % 11,
			 'a' + i % 17, 'a' + i % 7, 'a' + i % 23, i);
		route(t, path);
	}
	assert_string_equal(route(t, "/repos/new/one/issues/1"), "/repos/{id}/{id}/issues/{id}");
	assert_string_equal(route(t, "/repos/owneraa/repoaa/issues/1"),
			    "/repos/{id}/{id}/issues/{id}");
	assert_string_equal(route(t, "/health"), "/health");
	assert_true(route_table__learned(t) < 60);
	route_table__free(t);
}

static void test_catch_all_when_the_budget_is_used_up(void **state)
{
	struct route_table *t = route_table__new(NULL, true, 3);
	struct route_result r;

	assert_string_equal(route(t, "/a"), "/a");
	assert_string_equal(route(t, "/b"), "/b");
	r = route_table__get(t, SLICE("/c"), true);
	assert_string_equal(r.template, "/*");
	assert_true(r.learned);
	assert_ptr_equal(route(t, "/d/e/f"), r.template);
	assert_string_equal(route(t, "/a"), "/a");
	assert_int_equal(route_table__learned(t), 3);
	route_table__free(t);

	t = route_table__new(NULL, true, 1);
	assert_string_equal(route(t, "/a"), "/*");
	route_table__free(t);
}

static void test_only_what_was_served_teaches(void **state)
{
	struct route_table *t = table();
	const char *users;
	char path[64];
	int i;

	for (i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/scan%c%c.php", 'a' + i / 26 % 26, 'a' + i % 26);
		assert_null(route_table__get(t, slice_of(path), false).template);
	}
	assert_int_equal(route_table__learned(t), 0);
	users = route(t, "/users/1");
	assert_string_equal(users, "/users/{id}");
	assert_ptr_equal(route_table__get(t, SLICE("/users/2"), false).template, users);
	assert_null(route_table__get(t, SLICE("/users"), false).template);

	/* nor do they make a literal frequent */
	route(t, "/users/bob");
	for (i = 0; i < 1000; i++)
		route_table__get(t, SLICE("/users/bob"), false);
	for (i = 0; i < 60; i++) {
		snprintf(path, sizeof(path), "/users/n%c%c", 'a' + i / 26, 'a' + i % 26);
		route(t, path);
	}
	assert_ptr_equal(route(t, "/users/bob"), users);
	route_table__free(t);
}

static void test_switched_off(void **state)
{
	struct route_table *off = route_table__new(NULL, false, MAX_ROUTES);
	struct route_table *none = route_table__new(NULL, true, 0);

	assert_null(route(off, "/a"));
	assert_null(route(none, "/a"));
	route_table__free(off);
	route_table__free(none);
	route_table__free(NULL);
}

/* ---- configured -------------------------------------------------------------------- */

static struct route_set *set_of(char **v, size_t n)
{
	const struct str_list list = { v, n };

	return route_set__new(&list);
}

static void test_configured(void **state)
{
	static char *templates[] = { "/users/{id}", "/users/me",    "/static/*",
				     "/a/*/c",      "/b/{x}/{y}/*", "/files/*.js" };
	static const char *const cases[][2] = {
		{ "/users/bob", "/users/{id}" },
		{ "/users/me", "/users/{id}" }, /* the first match wins */
		{ "/users/bob/", "/users/{id}" },
		{ "/users", NULL },
		{ "/users/bob/x", NULL },
		{ "/static", "/static/*" },
		{ "/static/a/b/c", "/static/*" },
		{ "/staticx", NULL },
		{ "/a/b/c", "/a/*/c" },
		{ "/a/b/d", NULL },
		{ "/a/c", NULL },
		{ "/b/1/2", "/b/{x}/{y}/*" },
		{ "/b/1/2/3/4", "/b/{x}/{y}/*" },
		{ "/b/1", NULL },
	};
	struct route_set *set = set_of(templates, sizeof(templates) / sizeof(templates[0]));
	struct route_table *t = route_table__new(set, false, 0);
	struct route_result r;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r = route_table__get(t, slice_of(cases[i][0]), i % 2);
		assert_false(r.learned);
		if (cases[i][1])
			assert_string_equal(r.template, cases[i][1]);
		else
			assert_null(r.template);
	}
	route_table__free(t);

	/* learned under the name of a configured one: still one address */
	t = route_table__new(set, true, MAX_ROUTES);
	assert_ptr_equal(route(t, "/files/a.js"), route_set__find(set, "/files/*.js"));
	assert_int_equal(route_table__learned(t), 0);
	assert_string_equal(route(t, "/other"), "/other");
	route_table__free(t);
	route_set__free(set);
}

static void test_configured_must_begin_with_slash(void **state)
{
	static char *templates[] = { "/ok", "users" };

	errno = 0;
	assert_null(set_of(templates, 2));
	assert_int_equal(errno, EINVAL);
	route_set__free(NULL);
}

/* ---- bounds -------------------------------------------------------------------------- */

static uint64_t rng_state;

static uint32_t rnd(uint32_t n)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)((rng_state >> 32) % n);
}

static size_t word(char *p, uint32_t min, uint32_t max)
{
	uint32_t n = min + rnd(max - min + 1), i;

	for (i = 0; i < n; i++)
		p[i] = (char)('a' + rnd(26));
	return n;
}

/* Every shape writes at most 400 bytes and returns how many. */
static size_t flat_words(char *p)
{
	*p = '/';
	return 1 + word(p + 1, 1, 12);
}

static size_t deep_words(char *p)
{
	uint32_t depth = 1 + rnd(20);
	size_t n = 0;

	while (depth--) {
		p[n++] = '/';
		n += word(p + n, 1, 8);
	}
	return n;
}

static size_t narrow_tree(char *p) /* few children everywhere, but 3^9 leaves */
{
	uint32_t depth = 1 + rnd(9);
	size_t n = 0;

	while (depth--)
		n += (size_t)sprintf(p + n, "/%c", 'a' + (char)rnd(3));
	return n;
}

static size_t suffixes(char *p) /* a parameter before each of many endpoints */
{
	size_t n = (size_t)sprintf(p, "/t/");

	n += word(p + n, 4, 4);
	return n + (size_t)sprintf(p + n, "/e%c/f%c", 'a' + (char)rnd(26), 'a' + (char)rnd(26));
}

static size_t extensions(char *p)
{
	size_t n = (size_t)sprintf(p, "/f/%u.", rnd(100000));

	return n + word(p + n, 1, 5);
}

static size_t ids_and_words(char *p)
{
	uint32_t depth = 1 + rnd(10);
	size_t n = 0;

	while (depth--) {
		p[n++] = '/';
		n += rnd(2) ? word(p + n, 1, 3) : (size_t)sprintf(p + n, "%u", rnd(1000));
	}
	return n;
}

static size_t bytes(char *p) /* anything at all */
{
	uint32_t n = rnd(200), i;

	for (i = 0; i < n; i++)
		p[i] = (char)(rnd(4) ? rnd(256) : '/');
	if (n)
		p[0] = '/';
	return n;
}

static size_t hot_and_cold(char *p) /* children become established, then comes the flood */
{
	if (rnd(4))
		return (size_t)sprintf(p, "/hot/w%c/%c", 'a' + (char)rnd(26), 'a' + (char)rnd(26));
	return (size_t)sprintf(p, "/hot/") + word(p + 5, 3, 9);
}

static size_t (*const shapes[])(char *) = { flat_words, deep_words, narrow_tree,   suffixes,
					    extensions, bytes,      ids_and_words, hot_and_cold };

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

struct seen {
	uint32_t n;
	const char *v[MAX_ROUTES + 1];
};

static void note(struct seen *seen, const char *template)
{
	uint32_t i;

	for (i = 0; i < seen->n && seen->v[i] != template; i++)
		assert_string_not_equal(seen->v[i], template); /* one name, one address */
	if (i < seen->n)
		return;
	assert_true(seen->n < MAX_ROUTES);
	seen->v[seen->n++] = template;
}

/* shape SHAPES: all of them mixed */
static void flood(int shape, int n, uint64_t seed)
{
	struct route_table *t = table();
	struct seen seen = { 0 };
	struct route_result r;
	char path[512];
	size_t len;

	rng_state = seed;
	while (n--) {
		len = shapes[shape < SHAPES ? (uint32_t)shape : rnd(SHAPES)](path);
		r = route_table__get(t, (struct slice){ path, len }, true);
		assert_true(r.template || !len);
		if (r.template)
			note(&seen, r.template);
	}
	assert_true(seen.n <= MAX_ROUTES);
	assert_int_equal(route_table__learned(t), seen.n);
	assert_true(route_table__bytes(t) <= MAX_BYTES);
	route_table__free(t);
}

static void test_a_million_of_each_hostile_shape(void **state)
{
	int shape;

	for (shape = 0; shape <= SHAPES; shape++)
		flood(shape, 1000000, 88172645463325252 + (uint64_t)shape);
}

static void test_many_seeds(void **state)
{
	uint64_t seed;

	for (seed = 1; seed <= 400; seed++)
		flood((int)(seed % (SHAPES + 1)), 2000, seed * 2685821657736338717);
}

static void test_same_input_same_names(void **state)
{
	struct route_table *a = table(), *b = table();
	const char *ra, *rb;
	char path[512];
	size_t len;
	int i;

	rng_state = 42;
	for (i = 0; i < 20000; i++) {
		len = shapes[rnd(SHAPES)](path);
		ra = route_table__get(a, (struct slice){ path, len }, true).template;
		rb = route_table__get(b, (struct slice){ path, len }, true).template;
		assert_true((!ra && !rb) || !strcmp(ra, rb));
	}
	route_table__free(a);
	route_table__free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_path),
		cmocka_unit_test(test_segment_of_64_bytes_is_literal_65_is_not),
		cmocka_unit_test(test_every_prefix_stays_inside),
		cmocka_unit_test(test_node_closes),
		cmocka_unit_test(test_ids_below_a_node_that_closes),
		cmocka_unit_test(test_closed_stays_closed_when_merged),
		cmocka_unit_test(test_flat_api_of_25_endpoints),
		cmocka_unit_test(test_owner_and_repository),
		cmocka_unit_test(test_catch_all_when_the_budget_is_used_up),
		cmocka_unit_test(test_only_what_was_served_teaches),
		cmocka_unit_test(test_switched_off),
		cmocka_unit_test(test_configured),
		cmocka_unit_test(test_configured_must_begin_with_slash),
		cmocka_unit_test(test_a_million_of_each_hostile_shape),
		cmocka_unit_test(test_many_seeds),
		cmocka_unit_test(test_same_input_same_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
