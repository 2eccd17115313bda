// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Libraries that define what a case says, made by the compiler that the build needs anyway. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe_plan.h"
#include "redeye.h"
#include "tls_functions.h"
#include "tls_scan.h"

static char dir[] = "/tmp/redeye-scan-XXXXXX";
static struct tls_scan *scan;

static int set_up(void **state)
{
	char why[128];

	scan = tls_scan__new(NULL, why, sizeof(why));
	return !scan || !mkdtemp(dir);
}

static int tear_down(void **state)
{
	char command[128];

	tls_scan__free(scan);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* Names parted by blanks, each a function of its own; "=" makes an alias of the last. */
static int library(const char *names)
{
	char path[128], command[512], list[1024], *name, *rest = NULL;
	FILE *f;
	int n = 0;

	snprintf(path, sizeof(path), "%s/l.c", dir);
	snprintf(list, sizeof(list), "%s", names);
	f = fopen(path, "w");
	assert_non_null(f);
	for (name = strtok_r(list, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
		if (*name == '=')
			fprintf(f, "int f%d(int) __asm__(\"%s\") __attribute__((alias(\"%s\")));\n",
				n, name + 1, list);
		else
			fprintf(f,
				"int f%d(int) __asm__(\"%s\");\nint f%d(int n) { return n * %d; "
				"}\n",
				n, name, n, n + 3);
		n++;
	}
	fclose(f);
	snprintf(command, sizeof(command),
		 "cd %s && cc -shared -nostdlib -Wl,--build-id -o l.so l.c", dir);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/l.so", dir);
	return open(path, O_RDONLY | O_CLOEXEC);
}

#define RUST_READ                                                                                  \
	"_RNvXs2_NtNtCsc8OmwKx6ZQU_6rustls4conn10connectionNtB5_"                                  \
	"6ReaderNtNtCsjrHSEGnQ3l9_3std2io4Read4read"
#define RUST_WRITE                                                                                 \
	"_ZN87_$LT$rustls..conn..ConnectionCommon$LT$T$GT$$u20$as$u20$rustls..conn.."              \
	"PlaintextSink$GT$5write17h8d864e0ee27a96c2E"
#define LACKS ": no function to read with and one to write with were found"

#define BIT(k) (1u << (k))

static const struct {
	const char *names;
	size_t sites;
	uint32_t kinds, marks;
	const char *why;
} cases[] = {
	{ "main other", 0, 0, 0, "" },
	{ "SSL_read SSL_write", 4, BIT(TLS_OPENSSL), RED_TARGET_TLS, "" },
	{ "SSL_read_ex SSL_write_ex SSL_free", 5, BIT(TLS_OPENSSL), RED_TARGET_TLS, "" },
	{ "SSL_read SSL_free", 0, BIT(TLS_OPENSSL), 0, "OpenSSL" LACKS },
	{ "SSL_shutdown", 0, BIT(TLS_OPENSSL), 0, "OpenSSL" LACKS },
	{ "gnutls_record_recv gnutls_record_send gnutls_bye gnutls_deinit", 7, BIT(TLS_GNUTLS),
	  RED_TARGET_TLS, "" },
	{ "PR_Read PR_Write PR_Close", 5, BIT(TLS_NSPR), RED_TARGET_TLS, "" },
	{ "SSL_ImportFD", 0, BIT(TLS_NSS), 0, "" },
	{ "JNI_CreateJavaVM", 0, BIT(TLS_JVM), 0, "" },
	{ "CryptoNative_BioRead CryptoNative_BioWrite", 1, BIT(TLS_DOTNET), RED_TARGET_FED, "" },
	{ RUST_READ " " RUST_WRITE, 4, BIT(TLS_RUSTLS), RED_TARGET_TLS | RED_TARGET_RUSTLS, "" },
	{ RUST_READ, 0, BIT(TLS_RUSTLS), 0, "rustls" LACKS },
	{ RUST_READ " " RUST_WRITE " SSL_read SSL_write", 8, BIT(TLS_RUSTLS) | BIT(TLS_OPENSSL),
	  RED_TARGET_TLS | RED_TARGET_RUSTLS, "" },
	/* One is there, of the other there is not enough: the first is probed, the second told. */
	{ RUST_READ " SSL_read SSL_write", 4, BIT(TLS_RUSTLS) | BIT(TLS_OPENSSL), RED_TARGET_TLS,
	  "rustls" LACKS },
};

static void what_is_there_is_probed(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = library(cases[i].names);
		struct probe_plan *plan = tls_scan__plan(scan, fd);

		assert_non_null(plan);
		if (plan->n != cases[i].sites || plan->kinds != cases[i].kinds ||
		    plan->marks != cases[i].marks || strcmp(plan->why, cases[i].why))
			fail_msg("%s: %zu sites, kinds %x, marks %x, '%s'", cases[i].names, plan->n,
				 plan->kinds, plan->marks, plan->why);
		probe_plan__free(plan);
		close(fd);
	}
}

static const struct probe_site *site(const struct probe_plan *plan, const char *program)
{
	for (size_t i = 0; i < plan->n; i++)
		if (!strcmp(plan->sites[i].program, program))
			return &plan->sites[i];
	fail_msg("no %s", program);
	return NULL;
}

static void programs_are_those_of_the_table(void **state)
{
	int fd = library("SSL_read SSL_write_ex SSL_free SSL_do_handshake");
	struct probe_plan *plan = tls_scan__plan(scan, fd);

	assert_non_null(plan);
	assert_int_equal(plan->n, 7);
	assert_string_equal(plan->sites[0].program, "uretprobe_tls"); /* ends first */
	assert_true(plan->sites[0].ret);
	assert_string_equal(plan->sites[1].program, "uprobe_tls_read"); /* bytes first */
	assert_false(plan->sites[1].ret);
	assert_int_equal(plan->sites[1].offset, plan->sites[0].offset);
	assert_int_equal(site(plan, "uprobe_tls_write_ex")->role, TLS_WRITE);
	assert_int_equal(site(plan, "uprobe_tls_handshake")->role, TLS_OTHER);
	assert_string_equal(plan->sites[plan->n - 1].program, "uprobe_tls_free"); /* no return */
	probe_plan__free(plan);
	close(fd);
}

/* BoringSSL and others have functions of two names: a place is probed once. */
static void aliases_are_one_place(void **state)
{
	int fd = library("SSL_read =SSL_peek SSL_write");
	struct probe_plan *plan = tls_scan__plan(scan, fd);

	assert_non_null(plan);
	assert_int_equal(plan->n, 4);
	assert_string_equal(plan->sites[1].program, "uprobe_tls_read");
	probe_plan__free(plan);
	close(fd);
}

static void what_is_no_executable_has_nothing(void **state)
{
	static const char *const files[] = { "/etc/passwd", "/dev/null", "/" };

	for (int i = 0; i < 3; i++) {
		int fd = open(files[i], O_RDONLY | O_CLOEXEC);
		struct probe_plan *plan = tls_scan__plan(scan, fd);

		assert_non_null(plan);
		assert_int_equal(plan->n + plan->kinds, 0);
		assert_string_equal(plan->why, "");
		probe_plan__free(plan);
		close(fd);
	}
}

static int open_go(void)
{
	char path[4096] = "";
	FILE *f = popen("readlink -f \"$(go env GOROOT 2>/dev/null)/bin/go\"", "r");
	int fd = -1;

	if (f && fgets(path, sizeof(path), f)) {
		path[strcspn(path, "\n")] = 0;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (f)
		pclose(f);
	return fd;
}

/* The command `go` fetches modules by HTTPS. */
static void go_is_probed_at_each_return(void **state)
{
	int fd = open_go();
	struct probe_plan *plan = fd < 0 ? NULL : tls_scan__plan(scan, fd);
	size_t rets = 0;

	if (!plan) {
		print_message("no Go here\n");
		skip();
	}
	for (size_t i = 0; i < plan->n; i++) {
		assert_false(plan->sites[i].ret);
		rets += !strcmp(plan->sites[i].program, "uprobe_go_return");
	}
	assert_int_equal(plan->kinds, BIT(TLS_GO));
	assert_int_equal(plan->marks, RED_TARGET_GO);
	assert_int_equal(plan->n - rets, 3);
	assert_true(rets >= 3);
	assert_int_equal(site(plan, "uprobe_go_read")->role, TLS_READ);
	assert_int_equal(site(plan, "uprobe_go_write")->role, TLS_WRITE);
	assert_int_equal(site(plan, "uprobe_go_handshake")->role, TLS_OTHER);
	assert_int_equal(site(plan, "uprobe_go_return")->role, 0);
	probe_plan__free(plan);
	close(fd);
}

/* The copy's version is another, and two of its functions have names of OpenSSL's. */
static int go_of_the_future(int go)
{
	static const char magic[] = "\xff Go buildinf:";
	char path[128], command[512], *bytes, *at;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/go", dir);
	snprintf(command, sizeof(command),
		 "objcopy --add-symbol SSL_read=.text:0x1000,function,global"
		 " --add-symbol SSL_write=.text:0x1100,function,global /proc/%d/fd/%d %s",
		 getpid(), go, path);
	assert_int_equal(system(command), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	bytes = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(bytes, MAP_FAILED);
	at = bytes;
	while ((at = memmem(at, bytes + st.st_size - at, magic, sizeof(magic) - 1)))
		memcpy(at + 32, "\x05go2.0", 6), at++;
	munmap(bytes, st.st_size);
	return fd;
}

/* A Go program may have OpenSSL in it, which has nothing to do with its version. */
static void an_unknown_go_costs_only_itself(void **state)
{
	int go = open_go(), fd;
	struct probe_plan *plan;

	if (go < 0) {
		print_message("no Go here\n");
		skip();
	}
	fd = go_of_the_future(go);
	plan = tls_scan__plan(scan, fd);
	assert_non_null(plan);
	assert_string_equal(plan->why, "Go: built by an unknown version of Go, 'go2.0'");
	assert_int_equal(plan->kinds, BIT(TLS_GO) | BIT(TLS_OPENSSL));
	assert_int_equal(plan->marks, RED_TARGET_TLS);
	assert_int_equal(plan->n, 4);
	assert_int_equal(site(plan, "uprobe_tls_read")->role, TLS_READ);
	probe_plan__free(plan);
	close(fd);
	close(go);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_probed),
		cmocka_unit_test(programs_are_those_of_the_table),
		cmocka_unit_test(aliases_are_one_place),
		cmocka_unit_test(what_is_no_executable_has_nothing),
		cmocka_unit_test(go_is_probed_at_each_return),
		cmocka_unit_test(an_unknown_go_costs_only_itself),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
