// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "history_spans_fixture.h"

static struct fixture f;

static int start(void **state)
{
	f = fixture_new(MiB);
	return 0;
}

static int stop(void **state)
{
	fixture_free(&f);
	return 0;
}

/* The service serves at 10.0.0.N, or at 127.0.0.1 for 0. */
static void serves(const struct service *v, uint8_t n, uint16_t port)
{
	struct span s = span_at(v, 1, 1, 1, 0);

	if (n)
		s.local_addr[15] = n;
	else
		memcpy(s.local_addr + 12, (uint8_t[]){ 127, 0, 0, 1 }, 4);
	s.local_port = port;
	keep(f.h, s);
}

/* Somebody who asked "host:port" was led to 10.0.0.N. */
static void leads_to(const char *host, uint16_t port, uint8_t n, uint16_t socket_port)
{
	struct span s = span_at(&web, 1, 1, 1, 0);

	s.kind = SPAN_CLIENT;
	s.host = slice_of(host);
	s.host_port = port;
	s.peer_addr[15] = n;
	s.peer_port = socket_port;
	keep(f.h, s);
}

static void expect(const char *peer, const char *service)
{
	const struct hservice *v = endpoints__resolve(f.h, peer);

	if (service)
		assert_string_equal(v ? v->name : "(none)", service);
	else
		assert_null(v);
}

static void addresses_by_themselves(void **state)
{
	serves(&shop, 1, 8080);
	serves(&web, 0, 9090);
	expect("10.0.0.1:8080", "shop");
	expect("10.0.0.1:8081", NULL);
	expect("10.0.0.2:8080", NULL);
	expect("127.0.0.1:9090", "web");
	expect("localhost:9090", "web");
	expect("[::1]:9090", "web");
	expect("0.0.0.0:9090", "web");
	expect("localhost:8080", NULL);
	expect("db.example:5432", NULL);
	expect("", NULL);
	expect(":", NULL);
	expect("[", NULL);
}

static void names_lead_to_addresses(void **state)
{
	serves(&shop, 1, 8080);
	leads_to("Shop.Example", 0, 1, 8080);
	expect("shop.example:80", "shop");
	expect("shop.example:81", NULL);
	serves(&web, 2, 8080);
	leads_to("shop.example", 0, 2, 8080); /* it has moved */
	expect("shop.example:80", "web");
}

static void the_last_seen_is_it(void **state)
{
	serves(&shop, 1, 8080);
	serves(&web, 1, 8080);
	expect("10.0.0.1:8080", "web");
}

static void tables_are_bounded(void **state)
{
	uint32_t i;

	for (i = 0; i < 20011; i++) {
		char host[32];

		snprintf(host, sizeof(host), "h%u.example", i);
		serves(i % 2 ? &shop : &web, (uint8_t)(1 + i % 200), (uint16_t)(1024 + i));
		leads_to(host, 80, (uint8_t)(1 + i % 200), (uint16_t)(1024 + i));
		assert_true(room__used(f.h) <= MiB);
	}
	expect("h20010.example:80", "web");
}

static void who_asks_whom(void **state)
{
	struct history_edges *e;
	int i;

	for (i = 0; i < 7; i++)
		call(&f, "web", "shop.example", 0, 200);
	for (i = 0; i < 5; i++)
		call(&f, "web", "10.0.0.1", 8080, 500);
	for (i = 0; i < 3; i++)
		call(&f, "web", "db.example", 5432, 200);
	call(&f, "mail", "db.example", 5432, 200);
	serve(&f, "shop", "/", 200, MS);
	serves(&shop, 1, 8080);
	leads_to("shop.example", 0, 1, 8080);
	pass(&f);
	e = history__edges(f.h, all_time());
	assert_int_equal(e->n, 3);
	for (i = 0; i < 3; i++) {
		const struct history_edge *x = &e->v[i];

		if (!strcmp(x->from_service, "mail")) {
			assert_string_equal(x->peer, "db.example:5432");
			assert_int_equal(x->dist.count, 1);
			assert_null(x->to_service);
		} else if (x->to_service) {
			assert_string_equal(x->to_service, "shop");
			assert_string_equal(x->to_namespace, "eu");
			assert_string_equal(x->from_namespace, "ns");
			assert_int_equal(x->dist.count, 12); /* by two names */
			assert_int_equal(x->dist.errors, 5);
		} else {
			assert_string_equal(x->peer, "db.example:5432");
			assert_int_equal(x->dist.count, 3);
		}
	}
	history_edges__free(e);
	e = history__edges(f.h, (struct history_range){ BEGIN - 100, BEGIN - 50 });
	assert_int_equal(e->n, 0);
	history_edges__free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(addresses_by_themselves, start, stop),
		cmocka_unit_test_setup_teardown(names_lead_to_addresses, start, stop),
		cmocka_unit_test_setup_teardown(the_last_seen_is_it, start, stop),
		cmocka_unit_test_setup_teardown(tables_are_bounded, start, stop),
		cmocka_unit_test_setup_teardown(who_asks_whom, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
