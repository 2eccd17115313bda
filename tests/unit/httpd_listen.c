// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "httpd_internal.h"

static void no_address(void **state)
{
	static const char *const cases[] = {
		"",
		"9464",
		"1.2.3.4",
		"1.2.3.4:",
		"1.2.3.4:65536",
		"host:1",
		"1.2.3.4:-1",
		"[::1:80",
		"[]:1",
		"[1.2.3.4]:1",
		"1.2.3.4:123456",
		"::1",
		"1.2.3.4: 1",
		"[::1:80x",
		"::1:80x",
		"1.2.3.4:0x50",
		"[::1]extra:9464",
		"1.2.3:9464",
	};
	char want[200], err[200];
	uint16_t port;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(want, sizeof(want),
			 "cannot listen on %s: not an address like 127.0.0.1:9464, [::1]:9464 or "
			 ":9464",
			 cases[i]);
		assert_int_equal(httpd_listen(cases[i], &port, err, sizeof(err)), -EINVAL);
		assert_string_equal(err, want);
	}
}

static void very_long(void **state)
{
	char text[1000], err[64];
	uint16_t port;

	memset(text, '1', sizeof(text) - 1);
	memcpy(text + sizeof(text) - 6, ":9464", 6);
	assert_int_equal(httpd_listen(text, &port, err, sizeof(err)), -EINVAL);
	assert_int_equal(strlen(err), sizeof(err) - 1);
}

static void not_ours(void **state)
{
	char err[200];
	uint16_t port;

	/* TEST-NET-1: nobody has it */
	assert_int_equal(httpd_listen("192.0.2.1:0", &port, err, sizeof(err)), -EADDRNOTAVAIL);
	assert_string_equal(err, "cannot listen on 192.0.2.1:0: Cannot assign requested address");
}

static void tells_the_port(void **state)
{
	static const char *const cases[] = { "127.0.0.1:0", "localhost:0", ":0", "0.0.0.0:0" };
	char err[200] = "", again[40];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint16_t port = 0, same = 0;
		int fd = httpd_listen(cases[i], &port, err, sizeof(err));

		assert_true(fd >= 0);
		assert_true(port > 0);
		close(fd);
		snprintf(again, sizeof(again), "127.0.0.1:%u", port);
		fd = httpd_listen(again, &same, err, sizeof(err)); /* at once: SO_REUSEADDR */
		assert_true(fd >= 0);
		assert_int_equal(same, port);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_address),
		cmocka_unit_test(very_long),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(tells_the_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
