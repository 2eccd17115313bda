// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What others call their processes and files, on root's terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../agent/doctor_tls.c"

static struct doctor_tls d;

static void look(const char *comm, const char *path, const char *why)
{
	static uint32_t tgid;
	struct look l = { &d, ++tgid, "" };

	procname__clean(l.process, comm, strlen(comm));
	note(&l, TLS_GO, path, why);
}

static char *printed(void)
{
	FILE *before = stdout;
	char *text;
	size_t size;

	stdout = open_memstream(&text, &size);
	assert_non_null(stdout);
	doctor_tls__print(&d);
	fclose(stdout);
	stdout = before;
	return text;
}

static const cJSON *said(const cJSON *list, int row, const char *name)
{
	return cJSON_GetObjectItem(cJSON_GetArrayItem(list, row), name);
}

static void says_it_cleanly(void **state)
{
	cJSON *json;
	char *text;

	look("\033[2Jweb", "/tmp/\033]0;x\a\xff.so", "Go: \033[31mgo9.99 is not known");
	look("\033[2Jweb", "/tmp/\033]0;x\a\xff.so", "Go: \033[31mgo9.99 is not known");
	look("web", "/usr/bin/web", NULL);
	assert_int_equal(d.n_rows, 2);
	text = printed();
	assert_null(strpbrk(text, "\033\a\xff"));
	assert_non_null(strstr(text, "[2Jweb"));
	assert_non_null(strstr(text, "/tmp/]0;x\xef\xbf\xbd.so; Go: [31mgo9.99 is not known\n"));
	free(text);
	json = doctor_tls__json(&d);
	assert_int_equal(said(json, 0, "processes")->valueint, 2);
	assert_string_equal(said(json, 0, "process")->valuestring, "[2Jweb");
	assert_string_equal(said(json, 0, "file")->valuestring, "/tmp/]0;x\xef\xbf\xbd.so");
	assert_true(cJSON_IsFalse(said(json, 0, "seen")));
	assert_true(cJSON_IsTrue(said(json, 1, "seen")));
	assert_string_equal(said(json, 1, "reason")->valuestring, "");
	cJSON_Delete(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(says_it_cleanly) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
