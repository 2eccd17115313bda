// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Blocks of headers, with nghttp2's decoder as the oracle: what it reads is read the same from
 * pieces; by who comes later, each field either the same or as unknown; and by who wants only
 * some, at least these. The input is blocks, each behind a byte of its length.
 */
#undef NDEBUG
#include <assert.h>

#include "../../agent/hpack.c"

#define FIELDS_MAX 4096

static uint64_t truth[FIELDS_MAX]; /* hashes */
static bool wanted_truth[FIELDS_MAX];
static size_t n_truth, n_read;
static int may_be_unknown;

/* No field has the name that stands for the unknown: 0. */
static uint64_t hash(struct slice a, struct slice b)
{
	uint64_t h = a.len * 31 + b.len;

	if (slice_eq(a, SLICE(UNKNOWN)))
		return 0;
	for (; a.len; a.p++, a.len--)
		h = (h ^ (uint8_t)*a.p) * 1099511628211u;
	for (; b.len; b.p++, b.len--)
		h = (h ^ (uint8_t)*b.p) * 1099511628211u + 1;
	return h;
}

static void on_field(void *arg, struct slice name, struct slice value)
{
	assert(n_read < n_truth);
	assert(name.p ? truth[n_read] == hash(name, value) : may_be_unknown || !truth[n_read]);
	n_read++;
}

/* Some of the static table's, and some of any others. */
static bool is_wanted(void *arg, struct slice name)
{
	return name.len % 3 == 0;
}

/* What was left out may have been, and is one of these. */
static void on_some(void *arg, struct slice name, struct slice value)
{
	uint64_t h = name.p ? hash(name, value) : 0;

	for (; n_read < n_truth && truth[n_read] != h; n_read++)
		assert(!wanted_truth[n_read]);
	assert(n_read++ < n_truth);
}

/* False: this block is none, and nothing behind it can be read. */
static int oracle(nghttp2_hd_inflater *o, const uint8_t *p, size_t len)
{
	nghttp2_nv nv;
	int flags = 0;
	ssize_t n;

	for (n_truth = 0; !(flags & NGHTTP2_HD_INFLATE_FINAL); p += n, len -= n) {
		flags = 0;
		n = nghttp2_hd_inflate_hd2(o, &nv, &flags, p, len, 1);
		if (n < 0 || n_truth == FIELDS_MAX)
			return 0;
		wanted_truth[n_truth] = is_wanted(NULL, (struct slice){ NULL, nv.namelen });
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			truth[n_truth++] = hash((struct slice){ (char *)nv.name, nv.namelen },
						(struct slice){ (char *)nv.value, nv.valuelen });
	}
	nghttp2_hd_inflate_end_headers(o);
	return 1;
}

static const struct hpack_reader all = { .field = on_field },
				 some = { .field = on_some, .wanted = is_wanted };

static void read_same(struct hpack *h, const uint8_t *p, size_t len, size_t piece, int late)
{
	size_t n;

	n_read = 0;
	may_be_unknown = late;
	for (; len; p += n, len -= n) {
		n = piece && piece < len ? piece : len;
		assert(!hpack__feed(h, (const char *)p, n, &all));
	}
	assert(!hpack__end(h) && n_read == n_truth);
}

static void read_some(struct hpack *h, const uint8_t *p, size_t len, size_t piece)
{
	size_t n;

	for (n_read = 0; len; p += n, len -= n) {
		n = piece && piece < len ? piece : len;
		assert(!hpack__feed(h, (const char *)p, n, &some));
	}
	assert(!hpack__end(h));
	for (; n_read < n_truth; n_read++)
		assert(!wanted_truth[n_read]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t late = len ? data[0] % 4 : 0, piece = len ? data[0] / 4 % 8 : 0, n, i = 0;
	nghttp2_hd_inflater *o;
	struct hpack whole, second, choosy;

	hpack__init(&whole, false);
	hpack__init(&second, true);
	hpack__init(&choosy, false);
	assert(!nghttp2_hd_inflate_new(&o));
	nghttp2_hd_inflate_change_table_size(o, HPACK_TABLE_MAX);
	for (data++, len = len ? len - 1 : 0; len; data += n, len -= n, i++) {
		n = *data++;
		n = n < --len ? n : len;
		if (!oracle(o, data, n))
			break;
		read_same(&whole, data, n, piece, 0);
		read_some(&choosy, data, n, piece);
		if (i >= late)
			read_same(&second, data, n, 0, 1);
	}
	nghttp2_hd_inflate_del(o);
	hpack__free(&whole);
	hpack__free(&second);
	hpack__free(&choosy);
	return 0;
}
