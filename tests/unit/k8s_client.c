// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is wanted, handed over to the client's thread; after which watches it waits. The rest is in
 * tests/k8s. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../agent/k8s_client.c"

#include "hear_stderr.h"
#include "options.h"

static struct k8s_client c;

/* ---- an API server, and its time ---- */

static uint64_t now_ns, lasts_ns;

uint64_t mono_ns(void)
{
	return now_ns;
}

uint64_t unix_ns(void)
{
	return now_ns;
}

struct k8s_http *k8s_http__new(const struct k8s_config *where, char *err, size_t err_size)
{
	return NULL;
}

void k8s_http__free(struct k8s_http *h)
{
}

/* Each answer is a whole one, of one event. */
void k8s_http__get(struct k8s_http *h, const struct k8s_request *r, struct k8s_answer *out)
{
	static const char event[] = "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{"
				    "\"resourceVersion\":\"8\"}}}\n";

	*out = (struct k8s_answer){ .status = 200 };
	assert_int_equal(r->body(r->arg, event, sizeof(event) - 1), 0);
	now_ns += lasts_ns;
}

/* What the client's thread does meanwhile; NULL: nothing. */
static void (*before_wake)(void), (*after_wake)(void);

int eventfd_write(int fd, eventfd_t value)
{
	int rc;

	if (before_wake)
		before_wake();
	rc = write(fd, &value, sizeof(value)) == sizeof(value) ? 0 : -1;
	if (after_wake)
		after_wake();
	return rc;
}

/* ---- cases ---- */

static int begin(void **state)
{
	c = (struct k8s_client){ .lock = PTHREAD_MUTEX_INITIALIZER };
	c.cfg.backoff_min_ns = c.cfg.backoff_max_ns = 1; /* real ones, of a millisecond */
	c.cut = (struct k8s_cut){ .max = 1000, .object = k8s_client__on_object, .arg = &c };
	c.wake_fd = eventfd(0, EFD_NONBLOCK);
	return c.wake_fd < 0;
}

static int end(void **state)
{
	k8s_cut__free(&c.cut);
	k8s_wants__free(c.wants);
	k8s_wants__free(c.next_wants);
	return close(c.wake_fd);
}

static void want(char *label)
{
	const struct k8s_wants w = { .labels = { &label, 1 } };

	assert_int_equal(k8s_client__set_wants(&c, &w), 0);
}

static void the_latest_is_wanted(void **state)
{
	want("a");
	want("b");
	k8s_wants__take(&c);
	assert_string_equal(c.wants->labels.v[0], "b");
	want("c");
	k8s_wants__take(&c);
	assert_string_equal(c.wants->labels.v[0], "c");
}

/* Between the thread's look at whether there is something new and its taking it. */
static void news_while_it_takes(void **state)
{
	want("a");
	want("b");
	k8s_wants__take(&c);
	atomic_store(&c.rewanted, true);
	k8s_wants__take(&c);
	assert_non_null(c.wants);
	assert_string_equal(c.wants->labels.v[0], "b");
}

static void take(void)
{
	k8s_wants__take(&c);
}

static bool is_awake(void)
{
	struct pollfd p = { .fd = c.wake_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* A wake that nobody takes away would keep the thread from ever waiting again; one that is
 * missing, from seeing what is wanted. */
static void the_wake_is_there_as_long_as_the_news(void **state)
{
	static void (*const when[][2])(
		void) = { { NULL, NULL }, { take, NULL }, { NULL, take }, { take, take } };

	for (size_t i = 0; i < sizeof(when) / sizeof(when[0]); i++) {
		before_wake = when[i][0];
		after_wake = when[i][1];
		want("a");
		before_wake = after_wake = NULL;
		assert_int_equal(is_awake(), atomic_load(&c.rewanted));
		take();
		assert_false(is_awake());
		assert_false(atomic_load(&c.rewanted));
		assert_string_equal(c.wants->labels.v[0], "a");
		k8s_wants__free(c.wants);
		c.wants = NULL;
	}
}

static void what_ends_soon_is_waited_for(void **state)
{
	lasts_ns = HELD_NS - 1;
	watch(&c);
	assert_int_equal(c.events, 1);
	assert_int_equal(c.attempt, 1);
	watch(&c);
	assert_int_equal(c.attempt, 2);
	lasts_ns = HELD_NS;
	watch(&c);
	assert_int_equal(c.attempt, 0);
	assert_int_equal(c.events, 3);
	assert_string_equal(c.version, "8");
}

static void no_credentials_are_logged(void **state)
{
	const struct options o = {
		.kubernetes = K8S_ON,
		.kubernetes_api = "https://u:s3cr3t@api:6443/?key=s3cr3t",
		.kubernetes_node = "node",
	};
	const struct k8s_answer failure = { .broken = true, .reason = "it hung up" };
	char err[128];

	assert_int_equal(k8s_config__init(&c.cfg.where, &o, err, sizeof(err)), 1);
	c.log_limit = (struct log_limit)LOG_LIMIT(1, 60);
	listen_to_stderr();
	k8s_client__failed(&c, &failure, "the watch ended");
	k8s_client__works(&c);
	assert_string_equal(what_was_said(),
			    "redeye: warn: Kubernetes: the watch ended: "
			    "https://api:6443/: it hung up\n"
			    "redeye: info: Kubernetes: https://api:6443/ answers again\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_latest_is_wanted, begin, end),
		cmocka_unit_test_setup_teardown(news_while_it_takes, begin, end),
		cmocka_unit_test_setup_teardown(the_wake_is_there_as_long_as_the_news, begin, end),
		cmocka_unit_test_setup_teardown(what_ends_soon_is_waited_for, begin, end),
		cmocka_unit_test_setup_teardown(no_credentials_are_logged, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
