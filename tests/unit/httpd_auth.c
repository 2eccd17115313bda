// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The token, the certificate, and the files that they are in. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "httpd_fixture.h"
#include "httpd_internal.h"
#include "shell.h"

static char dir[] = "/tmp/redeye-httpd-XXXXXX";

static const char *file(const char *name)
{
	static char path[2][sizeof(dir) + 32];
	static int n;

	n = !n;
	snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

/* As Kubernetes and editors do it: a new file takes the old one's place. */
static void put_token(const char *token)
{
	FILE *f = fopen(file("token.new"), "w");

	assert_non_null(f);
	fputs(token, f);
	fclose(f);
	assert_int_equal(rename(file("token.new"), file("token")), 0);
}

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	return shell("rm -r %s", dir);
}

/* ---- the token ---- */

static void wants_the_token(void **state)
{
	static const char *const wrong[] = {
		"",
		"Authorization: Bearer\r\n",
		"Authorization: Bearer \r\n",
		"Authorization: Bearer s3cre\r\n",
		"Authorization: Bearer s3crett\r\n",
		"Authorization: Bearer s3creT\r\n",
		"Authorization: Basic s3cret\r\n",
		"Authorization: s3cret\r\n",
		"Authorization: Bearer s3crets3cret\r\n",
	};
	struct httpd_stats stats;
	char request[300];
	struct httpd *h;

	put_token("s3cret\n");
	h = serve((struct httpd_config){ .token_file = file("token") });
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		snprintf(request, sizeof(request), METRICS "%s\r\n", wrong[i]);
		expect(h, request, 401, "WWW-Authenticate: Bearer realm=\"redeye\"\r\n");
	}
	expect(h, METRICS "Authorization: Bearer s3cret\r\n\r\n", 200, one_point);
	expect(h, METRICS "authorization: bEARER   s3cret\r\n\r\n", 200, one_point);
	expect(h, GET("/"), 401, "a bearer token is needed\n");
	expect(h, GET("/healthz"), 200, "ok\n");
	expect(h, GET("/readyz"), 200, "ok\n");
	assert_int_equal(app.entered, 2); /* the refused did not cost a snapshot */
	httpd__stats(h, &stats);
	assert_int_equal(stats.refused, sizeof(wrong) / sizeof(*wrong) + 1);

	put_token("another-one");
	expect(h, METRICS "Authorization: Bearer s3cret\r\n\r\n", 401, "");
	expect(h, METRICS "Authorization: Bearer another-one\r\n\r\n", 200, "");
	put_token(" \n");
	expect(h, METRICS "Authorization: Bearer \r\n\r\n", 401, "");
	expect(h, METRICS "Authorization: Bearer another-one\r\n\r\n", 401, "");
	unlink(file("token"));
	expect(h, METRICS "Authorization: Bearer another-one\r\n\r\n", 401, "");
	put_token("back");
	expect(h, METRICS "Authorization: Bearer back\r\n\r\n", 200, "");
	httpd__free(h);
}

/* The file has changed, but just then there is no descriptor to read it with. */
static void unreadable_once(void **state)
{
	struct rlimit old, none;
	struct httpd_auth *a;
	char err[200];

	put_token("old");
	assert_non_null(a = httpd_auth__new(file("token"), err, sizeof(err)));
	assert_true(httpd_auth__allows(a, "Bearer old"));
	put_token("new");
	getrlimit(RLIMIT_NOFILE, &old);
	none = (struct rlimit){ .rlim_max = old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	assert_false(httpd_auth__allows(a, "Bearer new"));
	assert_false(httpd_auth__allows(a, "Bearer old"));
	setrlimit(RLIMIT_NOFILE, &old);
	assert_true(httpd_auth__allows(a, "Bearer new"));
	httpd_auth__free(a);
}

/* ---- the files ---- */

static void bad_files(void **state)
{
	char want[200];

	snprintf(want, sizeof(want), "cannot read token file %s: No such file or directory",
		 file("none"));
	refuses_to_start(
		&(struct httpd_config){ .listen = "127.0.0.1:0", .token_file = file("none") },
		ENOENT, want);
	put_token("\n");
	snprintf(want, sizeof(want), "token file %s is empty", file("token"));
	refuses_to_start(
		&(struct httpd_config){ .listen = "127.0.0.1:0", .token_file = file("token") },
		EINVAL, want);
	refuses_to_start(&(struct httpd_config){ .listen = "127.0.0.1:0", .tls_cert = "x" }, EINVAL,
			 "TLS needs both a certificate and a key");
	snprintf(want, sizeof(want), "cannot read TLS certificate %s: No such file or directory",
		 file("none"));
	refuses_to_start(&(struct httpd_config){ .listen = "127.0.0.1:0",
						 .tls_cert = file("none"),
						 .tls_key = file("token") },
			 ENOENT, want);
}

/* Which descriptors are open; a server that did not start must not leave one behind. */
static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void bad_certificate(void **state)
{
	int before = open_fds();
	char err[200] = "";
	struct httpd_config c = { .listen = "127.0.0.1:0" };

	put_token("this is no PEM");
	c.tls_cert = file("token");
	c.tls_key = c.tls_cert;
	assert_null(httpd__new(&c, err, sizeof(err)));
	assert_int_equal(strncmp(err, "cannot serve HTTP on 127.0.0.1:0: ", 34), 0);
	assert_true(strlen(err) > 34 && strcmp(err + 34, "Invalid argument") != 0);
	assert_int_equal(open_fds(), before);
}

/* ---- TLS ---- */

static void tls(void **state)
{
	double start;
	struct httpd *h;
	int fd;

	if (shell("openssl version >/dev/null 2>&1") != 0) {
		print_message("skipped: openssl is not installed\n");
		skip();
	}
	assert_int_equal(
		shell("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
		      "-addext subjectAltName=IP:127.0.0.1 -keyout %s/key -out %s/cert 2>/dev/null",
		      dir, dir),
		0);
	h = serve((struct httpd_config){ .tls_cert = file("cert"), .tls_key = file("key") });
	fd = dial(h); /* a client that never begins its handshake */
	assert_int_equal(
		shell("printf 'GET /metrics HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: "
		      "close\\r\\n"
		      "\\r\\n' | openssl s_client -quiet -verify_return_error -CAfile %s/cert "
		      "-connect 127.0.0.1:%d 2>/dev/null | grep -q '^test_value_total{'",
		      dir, httpd__port(h)),
		0);
	assert_int_not_equal(shell("openssl s_client -tls1_1 -connect 127.0.0.1:%d </dev/null "
				   ">/dev/null 2>&1",
				   httpd__port(h)),
			     0);
	start = seconds();
	httpd__free(h);
	assert_true(seconds() - start < 1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wants_the_token),
		cmocka_unit_test(unreadable_once),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(bad_certificate),
		cmocka_unit_test(tls),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
