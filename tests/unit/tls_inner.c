// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which functions of a library like OpenSSL's get the probes: libraries are made here, of
 * the code that compilers write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "image_fixture.h"
#include "probe_plan.h"
#include "tls_functions.h"
#include "tls_scan.h"

#ifdef __x86_64__

#define FUNCTION(name, scope, body)                                                                \
	".p2align 4\n" scope " " name "\n.type " name ", @function\n" name ":\n" body              \
	"\n.size " name ", . - " name "\n"
#define OUTER(name, body) FUNCTION(name, ".globl", body)
#define INNER(name)       FUNCTION(name, ".local", "push %r13\npush %rbx\npop %rbx\npop %r13\nret")

#define TAKES_ROOM(callee)                                                                         \
	"sub $0x18, %rsp\nmov %rsp, %rcx\ncall " callee "\nmov (%rsp), %eax\nadd $0x18, %rsp\nret"
#define CALLS(callee) "sub $8, %rsp\ncall " callee "\nadd $8, %rsp\nret"

static struct probe_plan *plan_of(const char *assembly)
{
	char why[160];
	struct tls_scan *s = tls_scan__new(NULL, why, sizeof(why));
	struct probe_plan *plan;
	int fd;

	assert_non_null(s);
	write_text("ssl.s", assembly, strlen(assembly));
	sh("cc -shared -nostdlib -o ssl.so ssl.s && nm ssl.so > ssl.nm && strip ssl.so");
	fd = open_file(in_dir("ssl.so"));
	plan = tls_scan__plan(s, fd);
	assert_non_null(plan);
	close(fd);
	tls_scan__free(s);
	return plan;
}

/* What nm said before the symbols went. In these files addresses of code are offsets in
 * the file or differ by a page's multiple. */
static uint64_t address_of(const char *name)
{
	char command[512];
	unsigned long long address = 0;
	FILE *p;

	snprintf(command, sizeof(command), "awk '$3 == \"%s\" {print $1}' %s", name,
		 in_dir("ssl.nm"));
	p = popen(command, "re");
	assert_non_null(p);
	assert_int_equal(fscanf(p, "%llx", &address), 1);
	pclose(p);
	return address & 0xfff;
}

/* The entry's program there; NULL: none. With a return probe at the same place. */
static const char *program_at(const struct probe_plan *plan, const char *name, unsigned int behind)
{
	uint64_t at = address_of(name) + behind;
	const char *entry = NULL;
	bool ret = false;

	for (size_t i = 0; i < plan->n; i++)
		if ((plan->sites[i].offset & 0xfff) != at)
			continue;
		else if (plan->sites[i].ret)
			ret = true;
		else
			entry = plan->sites[i].program;
	assert_int_equal(ret, !!entry);
	return entry;
}

static void expect(const struct probe_plan *plan, const char *name, unsigned int behind,
		   const char *program)
{
	const char *is = program_at(plan, name, behind);

	if (!is != !program || (is && strcmp(is, program)))
		fail_msg("%s+%u: %s, not %s", name, behind, is ? is : "nothing",
			 program ? program : "nothing");
}

/* clang-format off */
#define READ_AND_WRITE \
	OUTER("SSL_read", TAKES_ROOM("read_internal")) \
	OUTER("SSL_read_ex", CALLS("read_internal")) \
	OUTER("SSL_write", TAKES_ROOM("write_internal")) \
	INNER("read_internal") INNER("write_internal")
/* clang-format on */

static void both_come_to_one(void **state)
{
	struct probe_plan *plan =
		plan_of(READ_AND_WRITE OUTER("SSL_write_ex", CALLS("write_internal")));

	expect(plan, "read_internal", 0, "uprobe_tls_read_inner");
	expect(plan, "write_internal", 0, "uprobe_tls_write_ex");
	expect(plan, "SSL_read", 0, NULL);
	expect(plan, "SSL_read_ex", 0, NULL);
	expect(plan, "SSL_write", 0, NULL);
	expect(plan, "SSL_write_ex", 0, NULL);
	assert_int_equal(probe_plan__usable(plan, NULL), 1u << TLS_OPENSSL);
	probe_plan__free(plan);
}

/* OpenSSL 3.3: SSL_write_ex() calls SSL_write_ex2(). */
static void with_flags(void **state)
{
	struct probe_plan *plan = plan_of(
		READ_AND_WRITE OUTER("SSL_write_ex2", CALLS("write_internal"))
			OUTER("SSL_write_ex", "sub $8, %rsp\nmov %rcx, %r8\ncall write_internal\n"
					      "add $8, %rsp\nret"));

	expect(plan, "write_internal", 0, "uprobe_tls_write_ex2");
	expect(plan, "SSL_write", 0, NULL);
	expect(plan, "SSL_write_ex2", 0, NULL);
	probe_plan__free(plan);
}

static void they_do_not(void **state)
{
	struct probe_plan *plan = plan_of(READ_AND_WRITE OUTER("SSL_write_ex", //
							       CALLS("read_internal")));

	expect(plan, "SSL_write", 0, "uprobe_tls_write");
	expect(plan, "SSL_write_ex", 0, "uprobe_tls_write_ex");
	expect(plan, "write_internal", 0, NULL);
	expect(plan, "read_internal", 0, "uprobe_tls_read_inner");
	probe_plan__free(plan);
}

/* Cheap as they are, behind endbr64 too: nothing is gained further in. */
static void they_begin_well(void **state)
{
	struct probe_plan *plan = plan_of(
		OUTER("SSL_read", "push %rbp\ncall inner\npop %rbp\nret")
			OUTER("SSL_read_ex", CALLS("inner"))
				OUTER("SSL_write", "endbr64\npush %rbp\ncall inner\npop %rbp\nret")
					INNER("inner"));

	expect(plan, "SSL_read", 0, "uprobe_tls_read");
	expect(plan, "SSL_read_ex", 0, "uprobe_tls_read_ex");
	expect(plan, "SSL_write", 4, "uprobe_tls_write");
	expect(plan, "SSL_write", 0, NULL);
	probe_plan__free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_come_to_one),
		cmocka_unit_test(with_flags),
		cmocka_unit_test(they_do_not),
		cmocka_unit_test(they_begin_well),
	};

	return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}

#else

int main(void)
{
	return 77;
}

#endif
