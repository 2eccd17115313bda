// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs that Go builds: every way of building one, and of all its functions whose returns
 * are told, the same returns as a disassembler finds. REDEYE_TEST_GO="go /opt/go1.16/bin/go"
 * names other compilers than the one in PATH.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "gobuild.h"
#include "gopclntab_internal.h"
#include "image_fixture.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define RETURNS_MAX 4096

static const char program[] = "package main\n"
			      "import (\"crypto/tls\"; \"fmt\"; \"net\"; \"os\")\n"
			      "func main() {\n"
			      "	c, err := tls.Dial(\"tcp\", os.Args[1], &tls.Config{})\n"
			      "	if err == nil { var b [9]byte; c.Handshake(); c.Write(b[:]); "
			      "c.Read(b[:]); c.Close() }\n"
			      "	a, e := net.LookupHost(\"localhost\")\n"
			      "	fmt.Println(err, a, e)\n"
			      "}\n";

/* The return instructions of a whole file, ascending, by objdump(1). */
struct returns {
	uint64_t *v;
	size_t n;
};

static struct returns disassemble(const char *name)
{
	struct returns r = { .v = malloc(sizeof(*r.v) << 20) };
	unsigned long long address;
	char command[512];
	FILE *p;

	snprintf(command, sizeof(command),
		 "objdump -d --no-show-raw-insn %s/%s | grep -E '[[:space:]](repz )?retq?([ ]|$)'",
		 dir, name);
	p = popen(command, "re");
	assert_non_null(p);
	while (r.n < 1 << 20 && fscanf(p, " %llx:%*[^\n]", &address) == 1)
		r.v[r.n++] = address;
	pclose(p);
	return r;
}

static size_t first_from(const struct returns *r, uint64_t address)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->v[mid] < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void expect_same(const struct returns *r, const struct image_function *f,
			const uint64_t *offsets, size_t n)
{
	size_t first = first_from(r, f->address), end = first_from(r, f->address + f->size);

	if (end - first != n)
		fail_msg("function at %llx: %zu returns, not %zu", (unsigned long long)f->address,
			 n, end - first);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(offsets[i] - f->offset + f->address, r->v[first + i]);
}

/* How many of the functions' returns are told. */
static size_t compare_all(const struct gopclntab *t, const struct returns *r)
{
	struct gopclntab_reader *reader = malloc(sizeof(*reader));
	struct gopclntab_row row, next;
	uint64_t offsets[RETURNS_MAX];
	size_t told = 0;

	assert_non_null(reader);
	gopclntab_reader__init(reader);
	for (uint64_t i = 0; i + 1 < t->n; i++) {
		struct gopclntab_function fn = { 0 };
		int n;

		assert_true(gopclntab__row(t, reader, i, &row));
		assert_true(gopclntab__row(t, reader, i + 1, &next));
		fn.pcsp = row.pcsp;
		fn.f.address = t->text + row.entry;
		fn.f.size = next.entry - row.entry;
		if (!row.entry && t->format->entry_bytes == 8)
			continue; /* not relocated */
		if (image__offset(t->img, fn.f.address, fn.f.size, &fn.f.offset))
			continue;
		n = gopclntab__returns(t, &fn, offsets, RETURNS_MAX);
		if (n > 0)
			expect_same(r, &fn.f, offsets, n);
		told += n > 0;
	}
	free(reader);
	return told;
}

static void compare_some(const struct gopclntab *t, const struct returns *r)
{
	static const char *const names[] = { "crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write",
					     "crypto/tls.(*Conn).Close",
					     "crypto/tls.(*Conn).clientHandshake" };
	struct gopclntab_function fn;
	uint64_t offsets[RETURNS_MAX];

	for (size_t i = 0; i < N(names); i++) {
		int n;

		assert_int_equal(gopclntab__find(t, names[i], &fn), 0);
		n = gopclntab__returns(t, &fn, offsets, RETURNS_MAX);
		assert_true(n > 1);
		expect_same(r, &fn.f, offsets, n);
	}
	/* the one that calls the other was inlined, or the other does not exist yet */
	assert_true(!gopclntab__find(t, "crypto/tls.(*Conn).Handshake", &fn) ||
		    !gopclntab__find(t, "crypto/tls.(*Conn).HandshakeContext", &fn) ||
		    !gopclntab__find(t, "crypto/tls.(*Conn).handshakeContext", &fn));
}

static void compare(const char *what)
{
	struct image *img = image_of(in_dir("program"));
	char version[64], why[128] = "";
	struct gopclntab *t = gopclntab__new(img, why, sizeof(why));
	struct returns r = disassemble("program");
	size_t told;

	if (!t)
		fail_msg("%s: %s", what, why);
	assert_true(image__is_go(img));
	assert_int_equal(gobuild__version(img, version, sizeof(version)), 0);
	assert_int_not_equal(gobuild__abi(img, version, why, sizeof(why)), GOBUILD_ABI_UNKNOWN);
	compare_some(t, &r);
	told = compare_all(t, &r);
	print_message("%s, %s: %zu of %llu functions\n", version, what, told,
		      (unsigned long long)t->n);
	/* absolute entries that are yet to be relocated are not gone through */
	assert_true(told > t->n / 2 || t->format->entry_bytes == 8);
	gopclntab__free(t);
	image__free(img);
	free(r.v);
}

static void build(const char *go, const char *cgo, const char *options)
{
	char what[128];

	sh("GO111MODULE=off GOTOOLCHAIN=local GOFLAGS= CGO_ENABLED=%s %s build %s -o program "
	   "program.go",
	   cgo, go, options);
	snprintf(what, sizeof(what), "cgo %s, %s", cgo, options);
	compare(what);
}

static void programs_of_go(void **state)
{
	const char *compilers = getenv("REDEYE_TEST_GO");
	char list[1024], *go, *at;

	snprintf(list, sizeof(list), "%s", compilers ? compilers : "go");
	if (!compilers && system("go version >/dev/null 2>&1 && objdump -v >/dev/null 2>&1")) {
		print_message("skipped: Go or objdump is not installed\n");
		skip();
	}
	write_text("program.go", program, sizeof(program) - 1);
	for (go = strtok_r(list, " ", &at); go; go = strtok_r(NULL, " ", &at)) {
		build(go, "0", "");
		build(go, "0", "-ldflags='-s -w'");
		build(go, "0", "-buildmode=pie -ldflags='-s -w'");
		build(go, "1", "");
		build(go, "1", "-ldflags='-s -w -linkmode=external'");
		build(go, "1", "-buildmode=pie -ldflags='-s -w -linkmode=external'");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_of_go),
	};

	return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
