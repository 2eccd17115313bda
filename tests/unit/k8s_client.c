// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is wanted, handed over to the client's thread. The rest is in tests/k8s. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

#include "k8s_client_internal.h"

static struct k8s_client c;

static int start(void **state)
{
	c = (struct k8s_client){ .lock = PTHREAD_MUTEX_INITIALIZER };
	c.wake_fd = eventfd(0, EFD_NONBLOCK);
	return c.wake_fd < 0;
}

static int stop(void **state)
{
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_latest_is_wanted, start, stop),
		cmocka_unit_test_setup_teardown(news_while_it_takes, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
