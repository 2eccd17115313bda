// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What nghttp2 encodes is decoded the same, however it is cut, and whenever we come: then a
 * field is as it was sent or unknown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "failing.h"

#include <nghttp2/nghttp2.h>

static void *mem_malloc(size_t size, void *arg)
{
	return malloc(size);
}

static void mem_free(void *p, void *arg)
{
	free(p);
}

static void *mem_calloc(size_t n, size_t size, void *arg)
{
	return calloc(n, size);
}

static void *mem_realloc(void *p, size_t size, void *arg)
{
	return realloc(p, size);
}

static nghttp2_mem mem = { NULL, mem_malloc, mem_free, mem_calloc, mem_realloc };

#define nghttp2_hd_inflate_new(p) nghttp2_hd_inflate_new2(p, &mem)
#include "../../agent/hpack.c"

#include "assert_slice.h"

#define MAX_FIELDS 24
#define MAX_BLOCKS 400

/* ---- what is sent ---- */

struct fields {
	size_t n;
	nghttp2_nv v[MAX_FIELDS];
	char text[MAX_FIELDS][2][5000];
};

static uint64_t seed;

static uint32_t any(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

static void field(struct fields *f, uint8_t flags, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void field(struct fields *f, uint8_t flags, const char *name, const char *fmt, ...)
{
	char *n = f->text[f->n][0], *v = f->text[f->n][1];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v, sizeof(f->text[0][1]), fmt, ap);
	va_end(ap);
	snprintf(n, sizeof(f->text[0][0]), "%s", name);
	f->v[f->n++] = (nghttp2_nv){ (uint8_t *)n, (uint8_t *)v, strlen(n), strlen(v), flags };
}

/* Some that repeat, some that do not, some that are larger than a table. */
static void request(struct fields *f)
{
	static const char *const names[] = { "accept", "x-a", "x-b", "user-agent",
					     "x-long-name-c" };
	int n = any(8);

	f->n = 0;
	field(f, 0, ":method", any(3) ? "GET" : "PROPFIND");
	field(f, 0, ":scheme", "https");
	field(f, 0, ":path", any(2) ? "/" : "/items/%u?q=%u", any(50), any(9));
	field(f, 0, ":authority", "host%u.example", any(3));
	while (n--)
		field(f, any(9) ? 0 : NGHTTP2_NV_FLAG_NO_INDEX, names[any(5)], "v%u", any(40));
	if (!any(20))
		field(f, 0, "cookie", "%0*u", 3000 + any(1900), any(100));
	if (!any(20))
		field(f, 0, "x-empty", "%s", "");
}

/* ---- what is read ---- */

struct reader {
	const struct fields *want;
	size_t at, n_unknown;
	bool whole; /* none may be unknown */
};

static void on_field(void *arg, struct slice name, struct slice value)
{
	struct reader *r = arg;
	const nghttp2_nv *nv = &r->want->v[r->at++];

	assert_true(r->at <= r->want->n);
	if (!name.p) {
		assert_false(r->whole);
		r->n_unknown++;
		return;
	}
	assert_true(slice_eq(name, (struct slice){ (char *)nv->name, nv->namelen }));
	assert_true(slice_eq(value, (struct slice){ (char *)nv->value, nv->valuelen }));
}

static size_t read_block(struct hpack *h, const struct fields *want, const uint8_t *p, size_t len,
			 size_t cut, bool whole)
{
	struct reader r = { .want = want, .whole = whole };
	const struct hpack_reader all = { .field = on_field, .arg = &r };
	size_t n;

	for (; len; p += n, len -= n) {
		n = cut && cut < len ? cut : len;
		assert_int_equal(hpack__feed(h, (const char *)p, n, &all), 0);
	}
	assert_int_equal(hpack__end(h), 0);
	assert_int_equal(r.at, want->n);
	return r.n_unknown;
}

/* ---- conversations ---- */

struct block {
	struct fields f;
	uint8_t p[16384];
	size_t len;
};

static struct block blocks[MAX_BLOCKS];
static int n_blocks;

static size_t deflate(nghttp2_hd_deflater *d, struct fields *f, uint8_t *to, size_t room)
{
	ssize_t n = nghttp2_hd_deflate_hd(d, to, room, f->v, f->n);

	assert_true(n >= 0);
	return n;
}

/* `sizes`: the table's changes now and then. */
static void encode(int n, size_t table, bool sizes)
{
	static const uint32_t some[] = { 0, 100, 4096, 1000, 65536, 300 };
	nghttp2_hd_deflater *d;
	int i;

	assert_int_equal(nghttp2_hd_deflate_new(&d, table), 0);
	if (table > 4096)
		nghttp2_hd_deflate_change_table_size(d, table);
	for (i = 0; i < n; i++) {
		if (sizes && !any(12))
			nghttp2_hd_deflate_change_table_size(d, some[any(6)]);
		request(&blocks[i].f);
		blocks[i].len = deflate(d, &blocks[i].f, blocks[i].p, sizeof(blocks[i].p));
	}
	n_blocks = n;
	nghttp2_hd_deflate_del(d);
}

static size_t decode(int from, bool late, size_t cut, bool whole)
{
	size_t unknown = 0;
	struct hpack h;
	int i;

	hpack__init(&h, late);
	for (i = from; i < n_blocks; i++)
		unknown = read_block(&h, &blocks[i].f, blocks[i].p, blocks[i].len, cut, whole);
	hpack__free(&h);
	return unknown;
}

static void from_the_beginning(void **state)
{
	size_t cut;

	for (cut = 0; cut < 40; cut++) {
		seed = cut;
		encode(60, 4096, cut & 1);
		decode(0, false, cut, true);
	}
	encode(60, 65536, false);
	decode(0, false, 0, true);
}

static void from_any_block_on(void **state)
{
	int from;

	for (seed = 0; seed < 30; seed++) {
		uint64_t s = seed;

		encode(120, 4096, seed % 3 == 0);
		for (from = 1; from < 60; from++)
			decode(from, true, from % 5, false);
		seed = s;
	}
}

/* Each entry is used again, or falls off and is sent anew. */
static void heals(void **state)
{
	seed = 3;
	encode(MAX_BLOCKS, 512, false);
	assert_int_equal(decode(20, true, 0, false), 0);
}

static void a_table_emptied_is_known(void **state)
{
	nghttp2_hd_deflater *d;
	struct hpack h;
	int i;

	nghttp2_hd_deflate_new(&d, 4096);
	hpack__init(&h, true);
	for (i = 0; i < 20; i++) {
		if (i == 10) {
			nghttp2_hd_deflate_change_table_size(d, 0);
			nghttp2_hd_deflate_change_table_size(d, 4096);
		}
		request(&blocks[i].f);
		blocks[i].len = deflate(d, &blocks[i].f, blocks[i].p, sizeof(blocks[i].p));
		if (i >= 5)
			read_block(&h, &blocks[i].f, blocks[i].p, blocks[i].len, 0, i >= 10);
	}
	nghttp2_hd_deflate_del(d);
	hpack__free(&h);
}

/* An entry larger than the table empties it, RFC 7541 §4.4: ours may be larger. */
static void too_large_an_entry(void **state)
{
	static const char insert_a[] = "\x40\x01\x61\x01\x31", insert_b[] = "\x40\x01\x62\x01\x32";
	struct fields want = { 0 };
	struct hpack h;
	char big[400];

	hpack__init(&h, true);
	field(&want, 0, "a", "1");
	read_block(&h, &want, (const uint8_t *)insert_a, 5, 0, true);
	/* a size update to 100, then 200 letters */
	want.n = 0;
	field(&want, 0, "c", "%0200d", 0);
	memcpy(big, "\x3f\x45\x40\x01\x63\x7f\x49", 7);
	memset(big + 7, '0', 200);
	read_block(&h, &want, (const uint8_t *)big, 207, 0, true);
	want.n = 0;
	field(&want, 0, "b", "2");
	read_block(&h, &want, (const uint8_t *)insert_b, 5, 0, true);
	want.n = 0;
	field(&want, 0, "b", "2");
	read_block(&h, &want, (const uint8_t *)"\xbe", 1, 0, true);
	hpack__free(&h);
}

/* ---- those that are wanted ---- */

static bool is_wanted(void *arg, struct slice name)
{
	return !slice_eq(name, SLICE("date")) && !slice_eq(name, SLICE("x-known"));
}

static void note(void *arg, struct slice name, struct slice value)
{
	char *to = arg;

	sprintf(to + strlen(to), "%.*s=%.*s ", (int)name.len, name.p, (int)value.len, value.p);
}

/* Literals that are not inserted: `date` by its index in the static table, and x-known in the
 * dynamic one, are not told, however the block is cut. What is inserted goes the usual way, and
 * what is indexed is told, wanted or not. */
static void what_is_wanted(void **state)
{
	static const uint8_t first[] = "\x88\x40\x07x-known\x01"
				       "1";
	static const uint8_t second[] = "\x0f\x12\x03now\x0f\x2f\x01"
					"2\x1f\x2f\x01"
					"3"
					"\x61\x03new\x0f\x0d\x01"
					"4\xbe\xbf\x00\x04"
					"date\x01"
					"5";
	char told[256];
	const struct hpack_reader r = { note, is_wanted, told };
	struct hpack h;
	size_t cut, i;

	for (cut = 1; cut < sizeof(second); cut++) {
		hpack__init(&h, false);
		told[0] = 0;
		assert_int_equal(hpack__feed(&h, (const char *)first, sizeof(first) - 1, &r), 0);
		assert_int_equal(hpack__end(&h), 0);
		assert_string_equal(told, ":status=200 x-known=1 ");
		told[0] = 0;
		for (i = 0; i < sizeof(second) - 1; i += cut)
			assert_int_equal(hpack__feed(&h, (const char *)second + i,
						     cut < sizeof(second) - 1 - i
							     ? cut
							     : sizeof(second) - 1 - i,
						     &r),
					 0);
		assert_int_equal(hpack__end(&h), 0);
		assert_string_equal(told, "date=new content-length=4 date=new x-known=1 date=5 ");
		hpack__free(&h);
	}
}

static void nothing(void *arg, struct slice name, struct slice value)
{
}

/* What makes no sense costs its block, and what it may have inserted. */
static void malformed(void **state)
{
	static const struct {
		const char *p;
		size_t len;
	} bad[] = {
		{ "\x80", 1 },                         /* index 0 */
		{ "\xff\xff\xff\xff\xff\xff", 6 },     /* an integer without end */
		{ "\x40\x81\x00\x00", 4 },             /* no Huffman code */
		{ "\x82\x20", 2 },                     /* a size update behind a field */
		{ "\x40\x05", 2 },                     /* half a field */
		{ "\x40\x01\x61\x7f\x80\x80\x04", 7 }, /* a value of 64 KiB, and of it nothing */
		{ "\x7f", 1 },
	};
	const struct hpack_reader none = { .field = nothing };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hpack h;
		int b;

		seed = i;
		encode(40, 4096, false);
		hpack__init(&h, false);
		for (b = 0; b < 40; b++) {
			if (b == 20) {
				hpack__feed(&h, bad[i].p, bad[i].len, &none);
				assert_int_equal(hpack__end(&h), -EBADMSG);
			}
			read_block(&h, &blocks[b].f, blocks[b].p, blocks[b].len, 0, b < 20);
		}
		hpack__free(&h);
	}
}

/* A reference to what was never inserted is none of our business: unknown. */
static void beyond_the_table(void **state)
{
	struct fields want = { 0 };
	struct hpack h;

	hpack__init(&h, false);
	field(&want, 0, "?", "?");
	field(&want, 0, "?", "?");
	assert_int_equal(
		read_block(&h, &want, (const uint8_t *)"\xbe\x7f\x00\x01\x78", 5, 1, false), 2);
	/* the second was inserted, with its value */
	assert_int_equal(read_block(&h, &want, (const uint8_t *)"\xbe\xbe", 2, 0, false), 2);
	hpack__free(&h);
}

static void memory_runs_out(void **state)
{
	long n;

	seed = 7;
	encode(30, 4096, true);
	for (n = 0; n < 200; n++) {
		struct hpack h;
		int i;

		hpack__init(&h, false);
		failing_after = n;
		for (i = 0; i < 30; i++) {
			struct reader r = { .want = &blocks[i].f };
			const struct hpack_reader all = { .field = on_field, .arg = &r };

			hpack__feed(&h, (char *)blocks[i].p, blocks[i].len, &all);
			failing_after = hpack__end(&h) ? -1 : failing_after;
		}
		failing_after = -1;
		hpack__free(&h);
		assert_int_equal(failing_live, 0);
	}
}

/* Cookies and tokens of 4 KiB, in requests that never end. */
static void no_drift(void **state)
{
	static uint8_t p[16384];
	static struct fields f;
	nghttp2_hd_deflater *d;
	struct hpack h;
	int i;

	seed = 1;
	nghttp2_hd_deflate_new(&d, 4096);
	hpack__init(&h, false);
	for (i = 0; i < 100000; i++) {
		request(&f);
		if (f.n > 20)
			f.n = 20;
		field(&f, any(2) ? NGHTTP2_NV_FLAG_NO_INDEX : 0, "cookie", "s=%04095u", any(20));
		field(&f, 0, "authorization", "Bearer %0*u", any(2) ? 4000 : 2900, any(9));
		read_block(&h, &f, p, deflate(d, &f, p, sizeof(p)), 0, true);
	}
	nghttp2_hd_deflate_del(d);
	hpack__free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_the_beginning),
		cmocka_unit_test(from_any_block_on),
		cmocka_unit_test(heals),
		cmocka_unit_test(a_table_emptied_is_known),
		cmocka_unit_test(too_large_an_entry),
		cmocka_unit_test(malformed),
		cmocka_unit_test(beyond_the_table),
		cmocka_unit_test(what_is_wanted),
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test(no_drift),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
