// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which exporters the options start, and that one which cannot start stops the others. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "exporter.h"
#include "metrics.h"
#include "options.h"
#include "own_metrics.h"
#include "self_builder.h"
#include "spans.h"

static struct options options;

static int set_up(void **state)
{
	options = (struct options){
		.span_queue = 100, .span_batch = 100, .log_queue = 100, .log_batch = 100
	};
	return 0;
}

static void rows_are_whole(void **state)
{
	const struct exporter *const rows[] = {
#define X(NAME, name) &name##_exporter,
		EXPORTER_TABLE(X)
#undef X
	};
	size_t i;

	for (i = 0; i < EXPORTER__CNT; i++) {
		assert_non_null(rows[i]->wanted);
		assert_non_null(rows[i]->start);
		assert_non_null(rows[i]->free);
		assert_int_equal(rows[i]->spans != EXPORTER_NO_SPANS, rows[i]->span != NULL);
	}
}

static void what_is_needed(void **state)
{
	assert_false(exports__need_traces(&options));
	options.access_log = "/nowhere";
	assert_true(exports__need_traces(&options));
	assert_false(exports__need_kept(&options));
	options.traces_exporter = TRACES_CONSOLE;
	assert_true(exports__need_kept(&options));
}

static void one_of_both_sends_traces(void **state)
{
	options.otlp.endpoint = "http://127.0.0.1:1";
	assert_true(otlp_traces_exporter.wanted(&options));
	assert_false(zipkin_exporter.wanted(&options));
	options.traces_exporter = TRACES_ZIPKIN;
	assert_false(otlp_traces_exporter.wanted(&options));
	assert_true(zipkin_exporter.wanted(&options));
	options.traces_exporter = TRACES_CONSOLE;
	assert_false(otlp_traces_exporter.wanted(&options));
	assert_false(zipkin_exporter.wanted(&options));
}

/* The log's file is open when the exporter behind it fails. */
static void all_or_none(void **state)
{
	char path[] = "/tmp/redeye-exports-XXXXXX", err[256] = "";
	const struct exports_config c = { .options = &options };
	int fd = mkstemp(path);

	options.access_log = path;
	options.otlp.endpoint = "https://127.0.0.1:1";
	options.otlp.certificate = "/nonexistent";
	errno = 0;
	assert_null(exports__new(&c, err, sizeof(err)));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(err, "/nonexistent"));
	close(fd);
	unlink(path);
}

static bool has_family(const struct metrics *m, const char *name)
{
	uint32_t i;

	for (i = 0; i < m->n_families; i++)
		if (!strcmp(m->families[i].name, name))
			return true;
	return false;
}

static void spans_go_to_those_that_want_them(void **state)
{
	char path[] = "/tmp/redeye-exports-XXXXXX", err[256], line[4096] = "";
	const struct exports_config c = { .options = &options };
	struct span s = server_span();
	int fd = mkstemp(path);
	struct metrics *m = metrics__new(1);
	struct self_builder b = { m, 1 };
	struct exports *e;
	FILE *f;

	options.access_log = path;
	e = exports__new(&c, err, sizeof(err));
	assert_non_null(e);
	exports__span(e, &s);
	exports__kept(e, &s);
	exports__tick(e, 1);
	exports__reopen(e);
	exports__selfmetrics(e, &b);
	assert_true(has_family(m, "redeye.access_log.lines"));
	assert_false(has_family(m, "redeye.export.items"));
	exports__free(e, NULL);
	f = fdopen(fd, "r");
	assert_non_null(fgets(line, sizeof(line), f));
	assert_non_null(strstr(line, "/orders/7"));
	assert_null(fgets(line, sizeof(line), f));
	fclose(f);
	unlink(path);
	metrics__put(m);
}

/* Each queue has an eighth of the limit, in which long paths fill it before many do. */
static void queues_keep_to_their_share(void **state)
{
	static char path[8000];
	char file[] = "/tmp/redeye-exports-XXXXXX", err[256];
	const struct exports_config c = { .options = &options };
	struct span s = server_span();
	struct metrics *m = metrics__new(1);
	struct self_builder b = { m, 1 };
	struct exports *e;
	int i;

	close(mkstemp(file));
	memset(path, 'p', sizeof(path));
	s.path = (struct slice){ path, sizeof(path) };
	options.access_log = file;
	options.otlp.endpoint = "http://127.0.0.1:1";
	options.metrics_exporter = SIGNAL_NONE;
	options.memory_limit_bytes = 8 << 19;
	e = exports__new(&c, err, sizeof(err));
	assert_non_null(e);
	for (i = 0; i < 97; i++) {
		exports__span(e, &s);
		exports__kept(e, &s);
	}
	exports__selfmetrics(e, &b);
	assert_in_range(own_total(m, "redeye.access_log.dropped", "queue_full", NULL), 30, 60);
	assert_in_range(own_total(m, "redeye.export.dropped", "export_queue_full", NULL), 20, 60);
	exports__free(e, NULL);
	unlink(file);
	metrics__put(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(rows_are_whole, set_up),
		cmocka_unit_test_setup(what_is_needed, set_up),
		cmocka_unit_test_setup(one_of_both_sends_traces, set_up),
		cmocka_unit_test_setup(all_or_none, set_up),
		cmocka_unit_test_setup(spans_go_to_those_that_want_them, set_up),
		cmocka_unit_test_setup(queues_keep_to_their_share, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
