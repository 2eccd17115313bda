// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "procname.h"
#include "utf8.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define A(...)                                                                                     \
	(const char *[])                                                                           \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

static const struct name_case {
	const char *exe;
	const char **argv;
	const char *name;
} name_cases[] = {
	{ "/usr/sbin/nginx", A("nginx: master process nginx"), "nginx" },
	{ "/usr/lib/postgresql/15/bin/postgres", A("postgres", "-D", "/data"), "postgres" },
	{ "/opt/my.server", A("x.py"), "my.server" },
	{ "/usr/bin/python3.11", A("python3", "/srv/job.py", "--x", "y.py"), "job" },
	{ "/usr/bin/python3.11", A("python3", "-u", "-W", "ignore", "-Xdev", "job.py"), "job" },
	{ "/usr/bin/python3.11", A("python3", "-m", "http.server", "80"), "http.server" },
	{ "/usr/bin/python3.11", A("python3", "-um", "pkg.tool"), "pkg.tool" },
	{ "/usr/bin/python3.11", A("python3", "-mpkg"), "pkg" },
	{ "/usr/bin/python3.11", A("python3", "-m"), "python3.11" },
	{ "/usr/bin/python3.11", A("python3", "-c", "import x", "job.py"), "python3.11" },
	{ "/usr/bin/python3.11", A("python3", "-", "job.py"), "python3.11" },
	{ "/usr/bin/python3.11", A("python3"), "python3.11" },
	{ "/usr/bin/python3.11", A("python3", "/srv/app/"), "app" },
	{ "/usr/bin/python3.11", A("python3", "/srv/.hidden"), ".hidden" },
	{ "/usr/bin/python3.11", A("python3", "/srv/v1.2"), "v1.2" },
	{ "/usr/bin/python3", A("python3", "-m", "uvicorn", "app:main"), "app" },
	{ "/usr/bin/python3", A("python3", "-m", "uvicorn", "--port", "80", "shop.api:app"),
	  "shop.api" },
	{ "/usr/bin/python3", A("python3", "/usr/bin/gunicorn", "-b", "0.0.0.0:80", "site.wsgi"),
	  "site" },
	{ "/usr/bin/python3",
	  A("python3", "/bin/gunicorn", "-b", "localhost:80", "a.wsgi:application"), "a" },
	{ "/usr/bin/python3", A("python3", "/bin/gunicorn", "-b", "unix:/run/x", "shop:make()"),
	  "shop" },
	{ "/usr/bin/python3", A("python3", "/bin/gunicorn", "-c", "conf.py"), "gunicorn" },
	{ "/usr/bin/python3", A("python3", "/bin/flask", "--app", "src/hello.py", "run"), "hello" },
	{ "/usr/bin/python3", A("python3", "-m", "flask", "--app=hello:app", "run"), "hello" },
	{ "/usr/bin/python3", A("python3", "-m", "flask", "run"), "flask" },
	{ "/usr/bin/python3", A("python3", "/bin/celery", "-A", "proj.tasks", "worker"),
	  "proj.tasks" },
	{ "/usr/bin/python3", A("python3", "/bin/celery", "-A"), "celery" },
	{ "/usr/bin/python3", A("gunicorn: master [shop.wsgi:app]"), "shop" },
	{ "/usr/bin/python3", A("gunicorn: worker ["), "gunicorn" },
	{ "/usr/bin/python3", A("celeryd: x", "", ""), "celeryd" },
	{ "/usr/bin/node", A("node", "/srv/api/server.js"), "server" },
	{ "/usr/bin/node", A("node", "--inspect", "-r", "dotenv", "--require=x", "dist/api.mjs"),
	  "api" },
	{ "/usr/bin/node", A("node", "--import", "./otel.js", "web.ts"), "web" },
	{ "/usr/bin/node", A("node", "--eval", "x()"), "node" },
	{ "/usr/bin/node", A("node", "-e", "x()"), "node" },
	{ "/usr/bin/node", A("node", "--", "-odd.js"), "-odd" },
	{ "/usr/bin/node", A("node"), "node" },
	{ "/usr/bin/node", A("my title"), "my" },
	{ "/usr/bin/deno", A("deno", "run", "--allow-net", "-A", "srv.ts"), "srv" },
	{ "/usr/bin/bun", A("bun", "run", "srv.ts"), "srv" },
	{ "/jdk/bin/java", A("java", "-Xmx1g", "-Da=b", "-jar", "/srv/shop.jar", "x.y.Z"), "shop" },
	{ "/jdk/bin/java", A("java", "-cp", "a.jar:b.jar", "org.acme.Main", "arg"), "Main" },
	{ "/jdk/bin/java", A("java", "@opts", "--class-path", "x", "Kafka"), "Kafka" },
	{ "/jdk/bin/java", A("java", "-m", "mod.ule/org.acme.Main"), "Main" },
	{ "/jdk/bin/java", A("java", "src/Hello.java"), "Hello" },
	{ "/jdk/bin/java", A("java", "-version"), "java" },
	{ "/jdk/bin/java", A("java", "-jar"), "java" },
	{ "/jdk/bin/java", A("java", "a."), "a." },
	{ "/usr/bin/dotnet", A("dotnet", "exec", "--depsfile", "x", "/srv/Shop.Api.dll"),
	  "Shop.Api" },
	{ "/usr/bin/dotnet", A("dotnet", "run"), "dotnet" },
	{ "/usr/bin/ruby3.1", A("ruby", "-W0", "-I", "lib", "-rx", "bin/rails", "s"), "rails" },
	{ "/usr/bin/ruby3.1", A("puma 6.0.0 (tcp://0.0.0.0:3000) [shop]"), "puma" },
	{ "/usr/bin/ruby", A("ruby", "-e", "x"), "ruby" },
	{ "/usr/bin/php8.2", A("php", "-d", "a=b", "-S", "0:80", "router.php"), "router" },
	{ "/usr/bin/php8.2", A("php", "-f", "x.php"), "x" },
	{ "/usr/bin/php8.2", A("php", "-S", "0:80"), "php8.2" },
	{ "/usr/sbin/php-fpm8.2", A("php-fpm: master"), "php-fpm8.2" },
	{ "/usr/bin/perl", A("perl", "-Mstrict", "-w", "-T", "app.pl"), "app" },
	{ "/usr/bin/bash", A("bash", "-e", "-o", "pipefail", "/srv/run.sh"), "run" },
	{ "/usr/bin/bash", A("/bin/bash", "-c", "sleep 1"), "bash" },
	{ "/usr/bin/bash", A("-bash"), "bash" },
	{ "/usr/bin/dash", A("sh", "+x", "run"), "run" },
	{ "/bin/busybox", A("sh", "/run.sh"), "run" },
	{ "/bin/busybox", A("httpd", "-f"), "httpd" },
	{ "", A("/x/srv", "y"), "srv" },
	{ "", A("python3", "job.py"), "job" },
	{ "", A(""), "" },
	{ "/bin/\x01\x1b[31mx\xff", A("x"), "[31mx\xef\xbf\xbd" },
	{ "/usr/bin/python3", A("python3", "/x/\n\x07.py"), "python3" },
};

static size_t join(char *out, const char **argv)
{
	size_t len = 0;

	for (; *argv; argv++) {
		memcpy(out + len, *argv, strlen(*argv) + 1);
		len += strlen(*argv) + 1;
	}
	return len;
}

static void test_program_names(void **state)
{
	for (size_t i = 0; i < N(name_cases); i++) {
		const struct name_case *c = &name_cases[i];
		char cmdline[1024], got[PROCNAME_MAX];
		size_t len = join(cmdline, c->argv);

		procname__from_program(got, c->exe, cmdline, len);
		if (strcmp(got, c->name))
			fail_msg("%s %s: %s, not %s", c->exe, cmdline, got, c->name);
		/* Every prefix, in memory of just that size. */
		for (size_t n = 0; n <= len; n++) {
			char *cut = malloc(n + !n);

			memcpy(cut, cmdline, n);
			procname__from_program(got, c->exe, cut, n);
			assert_true(utf8_valid(got, strlen(got)));
			free(cut);
		}
	}
}

#define ENV(s) s, sizeof(s) - 1

static void test_environ_names(void **state)
{
	static const struct {
		const char *env;
		size_t len;
		const char *service, *namespace, *instance;
	} t[] = {
		{ ENV("A=b\0OTEL_SERVICE_NAME=shop\0"), "shop", "", "" },
		{ ENV("OTEL_SERVICE_NAME=shop\0OTEL_SERVICE_NAME=two\0"), "shop", "", "" },
		{ ENV("XOTEL_SERVICE_NAME=shop\0OTEL_SERVICE_NAMES=x\0"), "", "", "" },
		{ ENV("OTEL_SERVICE_NAME=cut"), "", "", "" },
		{ ENV("OTEL_SERVICE_NAME=\0OTEL_RESOURCE_ATTRIBUTES=service.name=a\0"), "a", "",
		  "" },
		{ ENV("OTEL_SERVICE_NAME=  \t\0"), "", "", "" },
		{ ENV("OTEL_RESOURCE_ATTRIBUTES=service.name=a,service.namespace=b,"
		      "service.instance.id=c\0"),
		  "a", "b", "c" },
		{ ENV("OTEL_RESOURCE_ATTRIBUTES=service.namespace=b\0OTEL_SERVICE_NAME=s\0"), "s",
		  "b", "" },
		{ ENV("OTEL_RESOURCE_ATTRIBUTES=service.name=a\0OTEL_SERVICE_NAME=s\0"), "s", "",
		  "" },
		{ ENV("OTEL_RESOURCE_ATTRIBUTES= service.name = a%20b%2C%3d , x\0"), "a b,=", "",
		  "" },
		{ ENV("OTEL_RESOURCE_ATTRIBUTES=,=,bad,service.name=%4,%,service.namespace=%zz\0"),
		  "%4", "%zz", "" },
		{ ENV("OTEL_RESOURCE_ATTRIBUTES=service.name=a=b,service.name=c=d\0"), "c=d", "",
		  "" },
		{ ENV("OTEL_RESOURCE_ATTRIBUTES=service.name=a%00b%0a%1b[1m%ff%c3%a9\0"),
		  "ab[1m\xef\xbf\xbd\xc3\xa9", "", "" },
		{ ENV("OTEL_SERVICE_NAME=\xc0\xaf\xed\xa0\x80\0"),
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "", "" },
		{ ENV("\0\0\0=\0OTEL_SERVICE_NAME\0OTEL_SERVICE_NAME=x\0"), "x", "", "" },
		{ ENV(""), "", "", "" },
	};
	struct procname n;

	for (size_t i = 0; i < N(t); i++) {
		procname__from_environ(&n, t[i].env, t[i].len);
		if (strcmp(n.service, t[i].service) || strcmp(n.namespace, t[i].namespace) ||
		    strcmp(n.instance, t[i].instance))
			fail_msg("%zu: '%s' '%s' '%s'", i, n.service, n.namespace, n.instance);
		for (size_t len = 0; len <= t[i].len; len++) {
			char *cut = malloc(len + !len);

			memcpy(cut, t[i].env, len);
			procname__from_environ(&n, cut, len);
			free(cut);
		}
	}
}

/* Of every byte string, of every length: UTF-8, at most 255 bytes, printable. */
static void test_clean(void **state)
{
	char in[600], out[PROCNAME_MAX];
	uint32_t x = 1, cp;

	for (int i = 0; i < 20000; i++) {
		size_t len = i % sizeof(in);

		for (size_t j = 0; j < len; j++) {
			x = x * 1664525 + 1013904223;
			in[j] = ((x >> 24) & (i & 1 ? 0xff : 0xbf)) | (i & 2 ? 0x80 : 0);
		}
		procname__clean(out, in, len);
		assert_true(strlen(out) < PROCNAME_MAX);
		for (size_t o = 0, n; out[o]; o += n) {
			n = utf8_next(out + o, strlen(out + o), &cp);
			assert_true(n && utf8_printable(cp));
		}
	}
	memset(in, 'x', sizeof(in));
	memcpy(in + 254, "\xc3\xa9", 2); /* does not fit: not cut in two */
	procname__clean(out, in, sizeof(in));
	assert_int_equal(strlen(out), 254);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program_names),
		cmocka_unit_test(test_environ_names),
		cmocka_unit_test(test_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
