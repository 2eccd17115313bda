// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names of services, those that only a recording knows too. */
#include <errno.h>

#include "agg.h"
#include "procfs.h"
#include "procs_fixture.h"

/* ---- names ---- */

#define ENV(s) s, sizeof(s) - 1

/* Which source wins, and that each process is asked once per exec. */
static void test_service(void **state)
{
	const struct str_list services = STRS("/opt/named=user's\x01 name");
	struct procs *p = make_at(root, &by_exe, NULL, &services, 0);
	static char big[PROCFS_ENVIRON_MAX + 4096];

	born(3, 1, "/opt/named");
	put_bytes(3, "environ",
		  ENV("OTEL_RESOURCE_ATTRIBUTES=service.namespace=ns,"
		      "service.instance.id=i\0OTEL_SERVICE_NAME=own\0"));
	born(4, 1, "/opt/x");
	put_bytes(4, "environ", ENV("OTEL_SERVICE_NAME=own\0"));
	born(5, 1, "/opt/python3");
	put_bytes(5, "cmdline", ENV("python3\0-m\0uvicorn\0app:main\0"));
	born(6, 1, "/opt/huge");
	memset(big, 'x', sizeof(big));
	memcpy(big, ENV("OTEL_SERVICE_NAME=early\0"));
	put_bytes(6, "environ", big, sizeof(big));
	born(7, 1, "/opt/late");
	memset(big, 'x', sizeof(big));
	memcpy(big + sizeof(big) - 64, ENV("\0OTEL_SERVICE_NAME=late\0"));
	put_bytes(7, "environ", big, sizeof(big));
	procs__scan(p);
	assert_string_equal(name(p, 3), "user's name");
	assert_string_equal(procs__service(p, 3)->namespace, "ns");
	assert_string_equal(procs__service(p, 3)->instance, "i");
	assert_string_equal(name(p, 4), "own");
	assert_string_equal(name(p, 5), "app");
	assert_string_equal(name(p, 6), "early");
	assert_string_equal(name(p, 7), "late");

	put_bytes(4, "environ", ENV("OTEL_SERVICE_NAME=rewritten\0"));
	procs__scan(p);
	assert_string_equal(name(p, 4), "own");
	/* Without the option its own name is known without another look. */
	vanish(3);
	procs__reselect(p, &by_exe, NULL, NULL);
	assert_string_equal(name(p, 3), "own");
	assert_string_equal(procs__service(p, 3)->namespace, "ns");
	event(p, RED_EV_EXEC, 4, 0);
	assert_string_equal(name(p, 4), "rewritten");
	procs__free(p);
}

static void count_request(struct agg *agg, struct procs *p, uint32_t tgid, uint64_t end_ns)
{
	struct span s = {
		.kind = SPAN_SERVER,
		.service = procs__service(p, tgid),
		.start_ns = end_ns - 1,
		.end_ns = end_ns,
		.method = "GET",
		.path = SLICE("/"),
		.scheme = "http",
		.status = 200,
	};

	agg__span(agg, &s);
}

static uint32_t series_at(struct agg *agg, uint64_t now_ns)
{
	struct agg_stats st;

	agg__expire(agg, now_ns);
	agg__stats(agg, &st);
	return st.series;
}

/* It may be called so again, and is not now: what was counted goes as that of the dead does. */
static void test_series_of_the_name_before(void **state)
{
	const struct str_list services = STRS("/opt/a=new");
	struct procs *p = make_at(root, &by_exe, NULL, NULL, 0);
	struct agg *agg = agg__new(&(struct agg_config){ 0 });

	assert_non_null(agg);
	born(3, 1, "/opt/a");
	put_bytes(3, "environ", ENV("OTEL_SERVICE_NAME=old\0"));
	procs__scan(p);
	count_request(agg, p, 3, SEC);
	assert_int_equal(series_at(agg, 1000 * SEC), 1);
	procs__reselect(p, &by_exe, NULL, &services);
	assert_string_equal(name(p, 3), "new");
	count_request(agg, p, 3, 1001 * SEC);
	assert_int_equal(series_at(agg, 1001 * SEC), 1);
	assert_int_equal(series_at(agg, 9000 * SEC), 1);

	/* And back. */
	procs__reselect(p, &by_exe, NULL, NULL);
	assert_string_equal(name(p, 3), "old");
	count_request(agg, p, 3, 9001 * SEC);
	assert_int_equal(series_at(agg, 9002 * SEC), 1);
	assert_int_equal(series_at(agg, 20000 * SEC), 1);
	event(p, RED_EV_EXIT, 3, 0);
	procs__gc(p, now + PROCS_GRACE_NS);
	assert_int_equal(series_at(agg, 20000 * SEC), 0);
	agg__free(agg);
	procs__free(p);
}

/* Gone before its EXEC record was handled: what it sent has its name still. */
static void test_exec_gone(void **state)
{
	struct procs *p;

	born(10, 1, "/bin/sh");
	p = make(&by_pid, NULL);
	procs__scan(p);
	event(p, RED_EV_FORK, 11, 10);
	event(p, RED_EV_EXEC, 11, 0);
	assert_string_equal(name(p, 11), "unknown_service:comm-of-sixteen.");
	event(p, RED_EV_EXIT, 11, 0);
	assert_string_equal(name(p, 11), "unknown_service:comm-of-sixteen.");
	assert_string_equal(name(p, 10), "sh");
	procs__free(p);
}

/* An EXEC record with words: an argument, and a variable of the environment. */
static void told(struct procs *p, uint32_t tgid)
{
	struct {
		struct red_ev_proc ev;
		struct red_exec_text text;
		char words[32];
	} r = { .ev = { .h = { .len = sizeof(r), .kind = RED_EV_EXEC, .ts_ns = ++now },
			.tgid = tgid,
			.comm = "tool" },
		.text = { .args_len = 5, .env_len = 27 },
		.words = "tool\0OTEL_SERVICE_NAME=words" };

	procs__event(p, &r.ev);
}

/* Ended, but not waited for: /proc has it, without its words. Then it is gone altogether. */
static void test_exec_ended(void **state)
{
	struct procs *p;

	born(10, 1, "/bin/sh");
	p = make(&by_pid, NULL);
	procs__scan(p);
	event(p, RED_EV_FORK, 11, 10);
	born(11, 10, "/bin/tool");
	put(11, "environ", "");
	put(11, "cmdline", "");
	told(p, 11);
	assert_string_equal(name(p, 11), "words");
	event(p, RED_EV_EXEC, 11, 0);
	assert_string_equal(name(p, 11), "tool");
	vanish(11);
	told(p, 11);
	assert_string_equal(name(p, 11), "words");
	procs__free(p);
}

/* /proc has the environment of the next exec already, of which the record is still to come. */
static void test_exec_twice(void **state)
{
	struct procs *p;

	born(10, 1, "/bin/tool");
	p = make(&by_pid, NULL);
	procs__scan(p);
	put_bytes(10, "environ", ENV("OTEL_SERVICE_NAME=next\0"));
	told(p, 10);
	assert_string_equal(name(p, 10), "words");
	event(p, RED_EV_EXEC, 10, 0);
	assert_string_equal(name(p, 10), "next");
	procs__free(p);
}

/* Data first, its record later. */
static void test_stranger(void **state)
{
	struct procs *p;
	struct service *s;

	born(10, 1, "/bin/sh");
	p = make(&by_pid, NULL);
	procs__scan(p);
	born(11, 10, "/bin/tool");
	s = procs__service(p, 11);
	assert_string_equal(s->name, "tool");
	assert_int_equal(last_announced, 11);
	put_link(11, "exe", "/bin/changed"); /* read once */
	assert_ptr_equal(procs__service(p, 11), s);
	event(p, RED_EV_FORK, 11, 10);
	assert_int_equal(reasons(p, 11), SELECT_PID | SELECT_INHERITED);
	assert_ptr_equal(procs__service(p, 11), s);
	event(p, RED_EV_EXEC, 11, 0);
	assert_string_equal(name(p, 11), "changed");
	/* Gone before anybody looked. */
	assert_string_equal(name(p, 12), "unknown_service");
	event(p, RED_EV_FORK, 12, 10);
	assert_string_equal(name(p, 12), "sh");
	/* Never explained: forgotten. */
	assert_string_equal(name(p, 13), "unknown_service");
	assert_int_equal(procs__stats(p)->known, 4);
	procs__gc(p, now += 3 * SEC);
	assert_int_equal(procs__stats(p)->known, 3);
	procs__free(p);
}

/* ---- recordings ---- */

static void test_recorded(void **state)
{
	struct procs *p = make(&by_exe, NULL), *replay = make_at("", NULL, NULL, NULL, 0);
	char buf[8192], *cut;
	int len;

	born(3, 1, "/opt/x");
	put_bytes(3, "environ",
		  ENV("OTEL_RESOURCE_ATTRIBUTES=service.name=a,service.namespace=b,"
		      "service.instance.id=c\0"));
	procs__scan(p);
	len = procs__describe(procs__find(p, 3), buf, sizeof(buf));
	assert_int_equal(len, sizeof(struct red_ev_process) + 3 + strlen("/opt/x"));
	for (int size = 0; size < len; size++)
		assert_int_equal(procs__describe(procs__find(p, 3), buf, size), -ENOSPC);
	assert_int_equal(procs__describe(procs__find(p, 3), buf, len), len);

	for (int n = 0; n < len; n++) {
		/* At least a header is there: the reader has checked that. */
		cut = malloc(n > (int)sizeof(struct red_hdr) ? n : (int)sizeof(struct red_hdr));
		memcpy(cut, buf, n > (int)sizeof(struct red_hdr) ? n : (int)sizeof(struct red_hdr));
		((struct red_ev_process *)cut)->h.len = n;
		assert_int_equal(procs__add_recorded(replay, (void *)cut), -EBADMSG);
		assert_null(procs__find(replay, 3));
		free(cut);
	}
	assert_int_equal(procs__add_recorded(replay, (void *)buf), 0);
	assert_string_equal(procs__service(replay, 3)->name, "a");
	assert_string_equal(procs__service(replay, 3)->namespace, "b");
	assert_string_equal(procs__service(replay, 3)->instance, "c");
	assert_string_equal(procs__find(replay, 3)->exe, "/opt/x");
	assert_int_equal(procs__find(replay, 3)->ppid, 1);
	procs__free(p);
	procs__free(replay);
}

static void add_recorded(struct procs *p, uint32_t tgid, const char *service)
{
	union {
		struct red_ev_process ev;
		char bytes[256];
	} u = { .ev = { .tgid = tgid, .service_len = strlen(service), .exe_len = 2 } };

	u.ev.h.kind = RED_EV_PROCESS;
	u.ev.h.len = sizeof(u.ev) + strlen(service) + 2;
	memcpy(u.bytes + sizeof(u.ev), service, strlen(service));
	memcpy(u.bytes + sizeof(u.ev) + strlen(service), "/x", 2);
	assert_int_equal(procs__add_recorded(p, &u.ev), 0);
}

/* A replay reads no /proc, whatever the records say: this machine has a pid 1. */
static void test_replay(void **state)
{
	const struct str_list services = STRS("x=renamed");
	struct procs *p = make_at("", &by_exe, NULL, &services, 0);

	assert_string_equal(name(p, 1), "unknown_service");
	add_recorded(p, 10, "ignored");
	assert_string_equal(name(p, 10), "renamed");
	procs__reselect(p, NULL, NULL, NULL);
	assert_string_equal(name(p, 10), "ignored");
	add_recorded(p, 10, "a");
	assert_string_equal(name(p, 10), "a");
	event(p, RED_EV_FORK, 11, 10);
	event(p, RED_EV_EXEC, 11, 0);
	event(p, RED_EV_LISTEN, 11, 80);
	event(p, RED_EV_CGROUP, 11, 0);
	assert_string_equal(name(p, 11), "a");
	add_recorded(p, 11, "b\x1b\xff");
	assert_string_equal(name(p, 11), "b\xef\xbf\xbd");
	add_recorded(p, 12, "");
	assert_string_equal(name(p, 12), "unknown_service");
	event(p, RED_EV_EXIT, 11, 0);
	add_recorded(p, 11, "c");
	assert_string_equal(name(p, 11), "c");
	event(p, RED_EV_FORK, 14, 4711);
	assert_int_equal(procs__scan(p), 0);
	assert_int_equal(procs__check(p, NULL, 0), 0);
	procs__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_series_of_the_name_before),
		TEST(test_service),
		TEST(test_exec_gone),
		TEST(test_exec_ended),
		TEST(test_exec_twice),
		TEST(test_stranger),
		TEST(test_recorded),
		TEST(test_replay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
