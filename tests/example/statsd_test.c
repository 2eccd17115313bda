// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* tests/unit/statsd.c of the copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "exports.h"
#include "options.h"
#include "spans.h"

static int receiver(char address[32])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t len = sizeof(a);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	snprintf(address, 32, "127.0.0.1:%u", ntohs(a.sin_port));
	return fd;
}

/* "": no datagram waits. */
static void receives(int fd, const char *want)
{
	char got[512] = "";
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	assert_int_equal(n < 0, !*want);
	assert_string_equal(got, want);
}

static void datagrams(void **state)
{
	static struct options options;
	const struct exports_config c = { .options = &options };
	char address[32], err[256];
	int fd = receiver(address);
	struct span one = server_span(), two = client_span();
	struct exports *e;

	options.statsd = address;
	assert_true(exports__need_traces(&options));
	assert_false(exports__need_kept(&options));
	e = exports__new(&c, err, sizeof(err));
	assert_non_null(e);
	exports__span(e, &one);
	exports__kept(e, &one);
	exports__span(e, &two);
	receives(fd, "redeye.shop.ok.GET /orders/{id}:2.500|ms");
	receives(fd, "redeye.shop.error.GET:2.500|ms");
	receives(fd, "");
	exports__free(e, NULL);
	close(fd);
}

static void no_address(void **state)
{
	static struct options options;
	const struct exports_config c = { .options = &options };
	char err[256] = "";

	options.statsd = "nowhere";
	assert_null(exports__new(&c, err, sizeof(err)));
	assert_string_equal(err, "statsd: nowhere is no address and port");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams),
		cmocka_unit_test(no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
