// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Credentials among the options: used, and shown to nobody. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "options_internal.h"
#include "strs.h"

#define SECRET "s3cr3t-value"

static char printed[65536];

static void print(const struct options *o)
{
	FILE *f = fmemopen(printed, sizeof(printed), "w");

	assert_non_null(f);
	options__print(o, "config", f);
	fclose(f);
}

static void parse(struct options *o, int argc, char **argv)
{
	char err[512];

	if (options__parse(o, "config", argc, argv, err, sizeof(err)))
		fail_msg("%s", err);
}

static void is_not_printed(void **state)
{
	static const char *const signals[] = { "", "TRACES_", "METRICS_", "LOGS_" };
	char *argv[] = { "config" };
	struct options o;
	char name[64];

	for (size_t i = 0; i < N(signals); i++) {
		snprintf(name, sizeof(name), "OTEL_EXPORTER_OTLP_%sHEADERS", signals[i]);
		setenv(name, "Authorization=Bearer%20" SECRET, 1);
		parse(&o, 1, argv);
		print(&o);
		assert_null(strstr(printed, SECRET));
		assert_non_null(strstr(printed, "headers: set, and not shown  # env OTEL_"));
		assert_int_equal(o.warnings.n, 0);
		options__free(&o);
		unsetenv(name);
	}
}

/* What is printed reads back: without the secret, which is a comment. */
static void reads_back(void **state)
{
	char *argv[] = { "config",
			 "--otlp-headers",
			 "a=" SECRET,
			 "--otlp-endpoint",
			 "http://u:" SECRET "@collector:4318",
			 "--zipkin-endpoint",
			 "http://u:" SECRET "@zipkin/api",
			 "--kubernetes-api",
			 "https://u:" SECRET "@api:6443" };
	struct options o;
	struct opt_parse p = { .o = &o };
	char err[512];

	parse(&o, N(argv), argv);
	assert_string_equal(o.otlp.headers, "a=" SECRET);
	assert_string_equal(o.otlp.endpoint, "http://u:" SECRET "@collector:4318");
	print(&o);
	assert_null(strstr(printed, SECRET));
	assert_non_null(strstr(printed, "# otlp-headers: set, and not shown  # flag\n"));
	assert_non_null(strstr(printed, "# otlp-endpoint: set, and not shown  # flag\n"));
	assert_non_null(strstr(printed, "# zipkin-endpoint: set, and not shown  # flag\n"));
	assert_non_null(strstr(printed, "# kubernetes-api: set, and not shown  # flag\n"));
	options__free(&o);

	o = (struct options){ 0 };
	o.origins = calloc(opt_table_n, sizeof(*o.origins));
	p.cmd = opt__command("config");
	p.err = err;
	p.err_size = sizeof(err);
	assert_int_equal(opt__read_yaml(&p, "f", printed, strlen(printed)), 0);
	assert_null(o.otlp.headers);
	options__free(&p.ignored);
	options__free(&o);
}

/* Its query may be a key. */
static void a_query_is_not_printed(void **state)
{
	char *argv[] = { "config", "--otlp-endpoint", "http://collector:4318/?key=" SECRET };
	struct options o;

	parse(&o, N(argv), argv);
	assert_string_equal(o.otlp.endpoint, argv[2]);
	print(&o);
	assert_null(strstr(printed, SECRET));
	assert_non_null(strstr(printed, "# otlp-endpoint: set, and not shown  # flag\n"));
	assert_int_equal(o.warnings.n, 1);
	options__free(&o);
}

static void an_endpoint_without_user_is_shown(void **state)
{
	char *argv[] = { "config", "--otlp-endpoint", "http://collector:4318" };
	struct options o;

	parse(&o, N(argv), argv);
	print(&o);
	assert_non_null(strstr(printed, "otlp-endpoint: \"http://collector:4318\"  # flag\n"));
	assert_int_equal(o.warnings.n, 0);
	options__free(&o);
}

static void on_the_command_line_is_warned_of(void **state)
{
	char *argv[] = { "config", "--otlp-headers=a=" SECRET };
	struct options o;

	parse(&o, N(argv), argv);
	assert_int_equal(o.warnings.n, 1);
	assert_string_equal(o.warnings.v[0],
			    "every user of this machine can read --otlp-headers of a command line: "
			    "use OTEL_EXPORTER_OTLP_HEADERS or a file");
	options__free(&o);
}

/* Not UTF-8. */
static void is_not_in_what_is_wrong_with_it(void **state)
{
	char *argv[] = { "config", "--otlp-headers=a=" SECRET "\xff" };
	struct options o;
	char err[512];

	assert_int_equal(options__parse(&o, "config", N(argv), argv, err, sizeof(err)), -EINVAL);
	assert_null(strstr(err, SECRET));
	assert_non_null(strstr(err, "bad value for --otlp-headers"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_not_printed),
		cmocka_unit_test(reads_back),
		cmocka_unit_test(a_query_is_not_printed),
		cmocka_unit_test(an_endpoint_without_user_is_shown),
		cmocka_unit_test(on_the_command_line_is_warned_of),
		cmocka_unit_test(is_not_in_what_is_wrong_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
