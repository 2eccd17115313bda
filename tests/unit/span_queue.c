// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "span_queue.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "a_tls.h"
#include "loop.h"
#include "service.h"

#define MS UINT64_C(1000000)

static struct service shop = {
	.refs = 1, .id = 1, .name = "shop", .namespace = "n", .instance = ""
};
static struct service_attrs *attrs; /* cart's */
static struct service cart = {
	.refs = 1, .id = 2, .name = "cart", .namespace = "", .instance = "i"
};

static int set_attrs(void **state)
{
	const struct resource_attr v[] = { { "container.id", "c" }, { "k8s.pod.name", "p" } };

	attrs = service_attrs__new(v, 2);
	service__set_attrs(&cart, attrs);
	return attrs ? 0 : -1;
}

static int drop_attrs(void **state)
{
	service__set_attrs(&cart, NULL);
	service_attrs__put(attrs);
	return 0;
}

/* The only one: what it says changes with the next. */
static struct span_rpc *a_call(struct slice method)
{
	static struct span_rpc rpc;

	rpc = (struct span_rpc){ .system = "grpc",
				 .status = "OK",
				 .method = method,
				 .message = slice_skip(method, 5),
				 .request_messages = 7 };
	return &rpc;
}

/* A span whose strings are gone after the call: nobody may keep a pointer to them. */
static struct span span(char *room, uint64_t i)
{
	struct span s = { .service = i % 3 ? &shop : &cart, .start_ns = i, .method = "GET" };
	size_t n = (size_t)sprintf(room, "/path/%llu", (unsigned long long)i);

	s.path = (struct slice){ room, n };
	s.query = (struct slice){ room + 1, n - 1 };
	s.headers[0] = (struct span_header){ "x-a", { room, 5 } };
	s.n_headers = 1;
	s.peer_service = s.query;
	s.peer_namespace = s.headers[0].value;
	if (i % 2)
		s.tls = a_tls();
	if (i % 5 == 0)
		s.rpc = a_call(s.path);
	return s;
}

static void expect(const struct span *s, uint64_t i)
{
	char want[64];

	sprintf(want, "/path/%llu", (unsigned long long)i);
	assert_true(s->start_ns == i);
	assert_int_equal(s->path.len, strlen(want));
	assert_memory_equal(s->path.p, want, s->path.len);
	assert_memory_equal(s->query.p, want + 1, s->query.len);
	assert_memory_equal(s->headers[0].value.p, "/path", 5);
	assert_int_equal(s->tls != NULL, i % 2);
	if (s->tls) {
		assert_int_equal(s->tls->version, 0x0304);
		assert_memory_equal(s->tls->text, A_TLS_TEXT, strlen(A_TLS_TEXT));
	}
	assert_int_equal(s->rpc != NULL, i % 5 == 0);
	if (s->rpc) {
		assert_int_equal(s->rpc->request_messages, 7);
		assert_true(slice_eq(s->rpc->method, slice_of(want)));
		assert_true(slice_eq(s->rpc->message, slice_of(want + 5)));
	}
	assert_true(slice_eq(s->peer_service, s->query));
	assert_true(slice_eq(s->peer_namespace, SLICE("/path")));
	assert_string_equal(s->service->name, i % 3 ? "shop" : "cart");
	assert_int_equal(s->service->attrs != NULL, i % 3 == 0);
	if (s->service->attrs) {
		assert_int_equal(s->service->attrs->n, 2);
		assert_string_equal(s->service->attrs->v[1].key, "k8s.pod.name");
		assert_string_equal(s->service->attrs->v[1].value, "p");
	}
}

/* ---- batches ---------------------------------------------------------------------------- */

static void test_a_batch_holds_copies(void **state)
{
	struct span_batch *b = span_batch__new(997, 5);
	char room[64];
	struct span s;
	uint64_t i;

	for (i = 0; i < 997; i++) {
		s = span(room, i);
		assert_int_equal(span_batch__add(b, &s), 0);
		memset(room, 'x', sizeof(room));
		memset(a_tls(), 'x', 64);
		memset(a_call(SLICE("/path/")), 'x', sizeof(struct span_rpc));
	}
	s = span(room, i);
	assert_int_equal(span_batch__add(b, &s), -ENOSPC);
	assert_int_equal(b->n, 997);
	assert_int_equal(b->n_services, 2);
	for (i = 0; i < 997; i++) {
		expect(&b->spans[i], i);
		assert_ptr_not_equal(b->spans[i].service, i % 3 ? &shop : &cart);
		assert_ptr_equal(b->spans[i].service, b->spans[i + 3 < 997 ? i + 3 : i].service);
	}
	span_batch__free(b);
}

static void test_long_strings_get_room(void **state)
{
	struct span_batch *b = span_batch__new(3, 0);
	char *big = malloc(100003);
	struct span s = { .service = &shop };
	int i;

	memset(big, 'p', 100003);
	s.path = (struct slice){ big, 100003 };
	for (i = 0; i < 3; i++)
		assert_int_equal(span_batch__add(b, &s), 0);
	free(big);
	assert_int_equal(b->spans[2].path.p[100002], 'p');
	assert_true(b->bytes > 3 * 100003);
	span_batch__free(b);
}

static void test_a_single_copy(void **state)
{
	char room[64];
	struct span s = span(room, 17), *copy = span__dup(&s);

	memset(room, 'x', sizeof(room));
	memset(a_tls(), 'x', 64);
	expect(copy, 17);
	free(copy);
}

/* ---- the queue ------------------------------------------------------------------------------ */

static struct span_queue *queue(uint32_t max_queue, uint32_t max_batch, uint64_t delay_ns)
{
	struct span_queue_config c = { max_queue, max_batch, delay_ns, 0 };
	struct span_queue *q = span_queue__new(&c);

	assert_non_null(q);
	return q;
}

static void add(struct span_queue *q, uint64_t i)
{
	char room[64];
	struct span s = span(room, i);

	span_queue__add(q, &s);
}

static struct span_queue_stats stats(struct span_queue *q)
{
	struct span_queue_stats st;

	span_queue__stats(q, &st);
	return st;
}

static void test_full_batches_go_at_once(void **state)
{
	struct span_queue *q = queue(100, 7, 1000000 * MS);
	struct span_batch *b;
	uint64_t i;

	for (i = 0; i < 10; i++)
		add(q, i);
	b = span_queue__wait(q, 0);
	assert_int_equal(b->n, 7);
	assert_null(span_queue__wait(q, 0));
	assert_int_equal(stats(q).queued, 10);
	span_queue__done(q, b);
	assert_int_equal(stats(q).queued, 3);
	span_queue__free(q);
}

static void test_others_after_the_delay(void **state)
{
	struct span_queue *q = queue(100, 7, 50 * MS);
	uint64_t now = mono_ns();
	struct span_batch *b;

	assert_true(span_queue__tick(q, now) == UINT64_MAX);
	add(q, 0);
	assert_true(span_queue__tick(q, now) <= mono_ns() + 50 * MS);
	assert_null(span_queue__wait(q, 0));
	assert_true(span_queue__tick(q, mono_ns() + 51 * MS) == UINT64_MAX);
	b = span_queue__wait(q, 0);
	assert_int_equal(b->n, 1);
	span_queue__lose(q, b);
	assert_int_equal(stats(q).lost, 1);
	assert_int_equal(stats(q).queued, 0);
	span_queue__free(q);
}

static void test_hurry_shortens_it(void **state)
{
	struct span_queue *q = queue(100, 7, 1000000 * MS);
	struct span_batch *b;

	add(q, 0);
	span_queue__hurry(q, 10 * MS);
	span_queue__tick(q, mono_ns());
	span_queue__tick(q, mono_ns() + 11 * MS);
	b = span_queue__wait(q, 0);
	assert_int_equal(b->n, 1);
	span_queue__done(q, b);
	span_queue__free(q);
}

static void test_what_does_not_fit_is_counted(void **state)
{
	struct span_queue *q = queue(11, 3, 1000000 * MS);
	uint64_t i;

	for (i = 0; i < 17; i++)
		add(q, i);
	assert_int_equal(stats(q).added, 11);
	assert_int_equal(stats(q).dropped, 6);
	assert_int_equal(stats(q).queued, 11);
	span_queue__free(q); /* with batches in it */
}

/* A span of about so many bytes. */
static void add_long(struct span_queue *q, size_t bytes)
{
	char *path = calloc(1, bytes);
	struct span s = { .service = &shop, .path = { path, bytes } };

	span_queue__add(q, &s);
	free(path);
}

static void test_long_spans_fill_it_too(void **state)
{
	const struct span_queue_config c = { 8192, 512, 1000000 * MS, 2 << 20 };
	struct span_queue *q = span_queue__new(&c);
	struct span_batch *b;
	uint32_t i;

	for (i = 0; i < 8192; i++)
		add_long(q, 8000);
	assert_true(stats(q).bytes >= c.max_bytes);
	assert_true(stats(q).bytes < c.max_bytes + (512 << 10)); /* the batch had to grow */
	assert_in_range(stats(q).queued, 150, 262);
	assert_int_equal(stats(q).added + stats(q).dropped, 8192);
	assert_int_equal(stats(q).added, stats(q).queued);
	b = span_queue__wait(q, 0);
	assert_true(b->bytes >= SPAN_BATCH_BYTES_MAX);
	assert_true(stats(q).bytes >= c.max_bytes); /* until it is done */
	span_queue__done(q, b);
	add_long(q, 8000);
	assert_int_equal(stats(q).added, 8192 - stats(q).dropped + 1);
	span_queue__stop(q);
	while ((b = span_queue__wait(q, 0)))
		span_queue__done(q, b);
	assert_int_equal(stats(q).bytes, 0);
	span_queue__free(q);
}

/* Without a bound of the queue, too: a request has its own. */
static void test_large_batches_go_at_once(void **state)
{
	struct span_queue *q = queue(8192, 8192, 1000000 * MS);
	uint32_t i, n = 0, n_batches = 0;
	struct span_batch *b;

	for (i = 0; i < 1009; i++)
		add_long(q, 8000);
	while ((b = span_queue__wait(q, 0))) {
		assert_in_range(b->bytes, SPAN_BATCH_BYTES_MAX, SPAN_BATCH_BYTES_MAX * 3 / 2);
		n_batches++;
		n += b->n;
		span_queue__done(q, b);
	}
	assert_in_range(n_batches, 5, 9);
	assert_int_equal(n + stats(q).queued, 1009);
	span_queue__free(q);
}

static void test_stop_hands_over_the_rest(void **state)
{
	struct span_queue *q = queue(100, 7, 1000000 * MS);
	struct span_batch *b;

	add(q, 0);
	assert_false(span_queue__stopped(q));
	span_queue__stop(q);
	assert_true(span_queue__stopped(q));
	b = span_queue__wait(q, 10000);
	assert_int_equal(b->n, 1);
	span_queue__done(q, b);
	assert_null(span_queue__wait(q, 10000)); /* at once */
	span_queue__free(q);
}

/* ---- two threads --------------------------------------------------------------------------- */

#define SPANS 100003

static void *reader(void *arg)
{
	struct span_queue *q = arg;
	static uint64_t seen;
	struct span_batch *b;
	uint32_t i;

	seen = 0;
	do {
		b = span_queue__wait(q, 1000);
		for (i = 0; b && i < b->n; i++)
			if (b->spans[i].start_ns == seen)
				seen++; /* else the order was not kept, and the count shows it */
		span_queue__done(q, b);
	} while (b || !span_queue__stopped(q));
	return &seen;
}

static void test_two_threads(void **state)
{
	struct span_queue *q = queue(SPANS, 512, MS);
	pthread_t thread;
	uint64_t i;
	void *seen;

	assert_int_equal(pthread_create(&thread, NULL, reader, q), 0);
	for (i = 0; i < SPANS; i++) {
		add(q, i);
		if (i % 1009 == 0)
			span_queue__tick(q, mono_ns() + 2 * MS);
	}
	span_queue__stop(q);
	assert_int_equal(pthread_join(thread, &seen), 0);
	assert_true(*(uint64_t *)seen == SPANS);
	assert_int_equal(stats(q).queued, 0);
	span_queue__free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_batch_holds_copies),
		cmocka_unit_test(test_long_strings_get_room),
		cmocka_unit_test(test_a_single_copy),
		cmocka_unit_test(test_full_batches_go_at_once),
		cmocka_unit_test(test_others_after_the_delay),
		cmocka_unit_test(test_hurry_shortens_it),
		cmocka_unit_test(test_what_does_not_fit_is_counted),
		cmocka_unit_test(test_long_spans_fill_it_too),
		cmocka_unit_test(test_large_batches_go_at_once),
		cmocka_unit_test(test_stop_hands_over_the_rest),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, set_attrs, drop_attrs);
}
