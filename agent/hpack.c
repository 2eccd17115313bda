// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * nghttp2 decodes; what is here is what lets it begin anywhere.
 *
 * A dynamic table is a queue: each literal "with incremental indexing" puts an entry at the
 * front (index 62), and what no longer fits falls off the end. So at any time the table of
 * the real decoder is a prefix, counted from the youngest, of one sequence: all entries ever
 * inserted. It does not matter why the rest has gone: a table too small, one that was
 * made smaller, an entry larger than the table, which empties it.
 *
 * Ours is a prefix of the same sequence as long as every insertion is seen. It begins
 * empty, and after bytes were missed it is emptied; from then on it may be shorter than the
 * real one (older entries were not seen, or are not kept to bound memory) or longer (the
 * real one is smaller than we allow), but an index that is in both means the same entry. One
 * that is beyond ours is an entry that we never saw: unknown. One that is beyond the real
 * table no encoder sends. Hence nothing is ever wrong, and what is unknown heals as
 * new entries come. That is also why SETTINGS_HEADER_TABLE_SIZE, and when it was acknowledged,
 * need not be known: it limits what the encoder may announce, and what it announces (a size
 * update, §6.3) is in its blocks. Such an update is followed up to HPACK_TABLE_MAX; one
 * to 0 empties both, after which all is known.
 *
 * nghttp2 would refuse an index that its table does not have, and that would be the
 * end. So each block is walked field by field (§6), which takes no more than its integers
 * and lengths, and what refers to the unknown is replaced:
 *
 *	indexed field		a literal field, not indexed, of the name "\0"
 *	literal, name indexed	the same literal with the name "\0", and indexed if it was:
 *				the count stays right, and so does the order
 *	size update above ours	one to what we allow
 *
 * No name is shorter than "\0", so our entries are never larger than the real ones, and do not
 * fall off before them.
 *
 * What changes no table need not go to nghttp2, and most of what is sent does not: an indexed
 * field is looked up, and a literal that is not inserted (nginx sends nothing else) is
 * passed over when the name that it refers to is not wanted. Decoding the text of those was
 * half of what a request cost.
 */
#include "hpack.h"

#include <errno.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#define TABLE_LATE 16384 /* of a table whose size is not known; 4096 is the default */
#define UNKNOWN    "\0"  /* the name; one byte */

/* §6: what a field's first byte says. */
enum kind {
	KIND_INDEXED = 0x80,
	KIND_INSERTED = 0x40,
	KIND_SIZE = 0x20,
	KIND_NEVER = 0x10,
	KIND_LITERAL = 0x00,
};

static enum kind kind_of(uint8_t first)
{
	return 1u << (31 - __builtin_clz(first | 0xf)) & 0xf0;
}

static uint8_t mask_of(enum kind k)
{
	return k > KIND_NEVER ? k - 1 : 0xf;
}

void hpack__init(struct hpack *h, bool late)
{
	*h = (struct hpack){ .late = late };
}

void hpack__free(struct hpack *h)
{
	if (h->inflater)
		nghttp2_hd_inflate_del(h->inflater);
	h->inflater = NULL;
	h->late = true;
}

void hpack__forget(struct hpack *h)
{
	hpack__free(h);
	h->at = HPACK_AT_FIELD;
	h->begun = h->fields = false;
	h->broken = 0;
}

/* ---- to nghttp2 ---------------------------------------------------------------------------- */

struct sink {
	struct hpack *h;
	const struct hpack_reader *r;
};

static struct slice name_of(const nghttp2_nv *nv)
{
	return (struct slice){ (const char *)nv->name, nv->namelen };
}

static bool is_unknown(const nghttp2_nv *nv)
{
	return nv->namelen == 1 && nv->name[0] == UNKNOWN[0];
}

static void emit(const struct sink *s, const nghttp2_nv *nv)
{
	struct slice value = { (const char *)nv->value, nv->valuelen };

	if (is_unknown(nv))
		s->r->field(s->r->arg, (struct slice){ 0 }, (struct slice){ 0 });
	else
		s->r->field(s->r->arg, name_of(nv), value);
}

static int feed(const struct sink *s, const char *p, size_t len)
{
	const uint8_t *in = (const uint8_t *)p;
	nghttp2_nv nv;
	int flags;
	ssize_t n;

	while (len) { /* a field is told with its last byte */
		flags = 0;
		n = nghttp2_hd_inflate_hd2(s->h->inflater, &nv, &flags, in, len, 0);
		if (n < 0)
			return n == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EBADMSG;
		in += n;
		len -= n;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			emit(s, &nv);
	}
	return 0;
}

static int feed_size(const struct sink *s, uint32_t size)
{
	char b[8] = { 0x3f };
	size_t n = 1;

	if (size < 0x1f) {
		b[0] = KIND_SIZE | size;
		return feed(s, b, 1);
	}
	for (size -= 0x1f; size > 0x7f; size >>= 7)
		b[n++] = 0x80 | (size & 0x7f);
	b[n++] = size;
	return feed(s, b, n);
}

/* Before a block's first byte. */
static int begin(const struct sink *s)
{
	struct hpack *h = s->h;

	h->begun = true;
	if (h->inflater)
		return 0;
	if (nghttp2_hd_inflate_new(&h->inflater)) {
		h->inflater = NULL;
		return -ENOMEM;
	}
	if (nghttp2_hd_inflate_change_table_size(h->inflater, HPACK_TABLE_MAX))
		return -ENOMEM;
	return h->late ? feed_size(s, TABLE_LATE) : 0;
}

/* ---- the walk ------------------------------------------------------------------------------- */

static bool known(const struct hpack *h, uint64_t index)
{
	return index <= nghttp2_hd_inflate_get_num_table_entries(h->inflater);
}

/* Only before a block's first field (§4.2). */
static int size_update(const struct sink *s)
{
	struct hpack *h = s->h;

	h->at = HPACK_AT_FIELD;
	if (h->fields)
		return -EBADMSG;
	return feed_size(s, h->value < HPACK_TABLE_MAX ? h->value : HPACK_TABLE_MAX);
}

static int indexed(const struct sink *s)
{
	static const char literal[] = { KIND_LITERAL, 1, UNKNOWN[0], 0 };
	struct hpack *h = s->h;

	h->at = HPACK_AT_FIELD;
	if (!h->value)
		return -EBADMSG;
	if (!known(h, h->value))
		return feed(s, literal, sizeof(literal));
	emit(s, nghttp2_hd_inflate_get_table_entry(h->inflater, h->value));
	return 0;
}

/* A literal whose name has an index that we know. */
static bool unwanted(const struct sink *s, enum kind kind)
{
	const nghttp2_nv *nv;

	if (kind == KIND_INSERTED || !s->r->wanted)
		return false;
	nv = nghttp2_hd_inflate_get_table_entry(s->h->inflater, s->h->value);
	return !is_unknown(nv) && !s->r->wanted(s->r->arg, name_of(nv));
}

static int literal(const struct sink *s, enum kind kind)
{
	const char unknown[] = { kind, 1, UNKNOWN[0] };
	struct hpack *h = s->h;

	h->at = h->value ? HPACK_AT_VALUE : HPACK_AT_NAME;
	if (!known(h, h->value))
		return feed(s, unknown, sizeof(unknown));
	h->skip = h->value && unwanted(s, kind);
	return h->skip ? 0 : feed(s, h->held, h->held_len);
}

/* A field's first integer is whole: is it as it is, or something else, that goes on? */
static int field_begins(const struct sink *s)
{
	struct hpack *h = s->h;
	enum kind kind = kind_of(h->held[0]);

	h->skip = false;
	if (kind == KIND_SIZE)
		return size_update(s);
	h->fields = true;
	return kind == KIND_INDEXED ? indexed(s) : literal(s, kind);
}

/* One byte of an integer, §5.1. 1: it is whole, 0: more follows. */
static int integer_byte(struct hpack *h, uint8_t b)
{
	if (h->shift > 28)
		return -EBADMSG;
	h->value += (uint64_t)(b & 0x7f) << h->shift;
	h->shift += 7;
	return !(b & 0x80);
}

static int integer_begins(struct hpack *h, uint8_t b, uint8_t mask)
{
	h->value = b & mask;
	h->shift = 0;
	return h->value < mask;
}

/* The first integer is held back until it is known what it refers to. */
static int first_integer(const struct sink *s, char b)
{
	struct hpack *h = s->h;
	int whole;

	if (h->at == HPACK_AT_FIELD) {
		h->held_len = 0;
		whole = integer_begins(h, b, mask_of(kind_of(b)));
	} else {
		whole = integer_byte(h, b);
	}
	h->at = HPACK_AT_INTEGER;
	if (whole < 0)
		return whole;
	h->held[h->held_len++] = b;
	return whole ? field_begins(s) : 0;
}

static void text_begins(struct hpack *h, bool name)
{
	if (h->value)
		h->at = name ? HPACK_AT_NAME_TEXT : HPACK_AT_VALUE_TEXT;
	else
		h->at = name ? HPACK_AT_VALUE : HPACK_AT_FIELD;
}

static int text_length(struct hpack *h, uint8_t b)
{
	bool name = h->at == HPACK_AT_NAME || h->at == HPACK_AT_NAME_LEN;
	int whole;

	if (h->at == HPACK_AT_NAME || h->at == HPACK_AT_VALUE)
		whole = integer_begins(h, b, 0x7f);
	else
		whole = integer_byte(h, b);
	h->at = name ? HPACK_AT_NAME_LEN : HPACK_AT_VALUE_LEN;
	if (whole > 0)
		text_begins(h, name);
	return whole < 0 ? whole : 0;
}

/* Of these bytes, those that belong to the present text. */
static size_t text(struct hpack *h, size_t len)
{
	size_t n = h->value < len ? h->value : len;

	h->value -= n;
	if (!h->value)
		h->at = h->at == HPACK_AT_NAME_TEXT ? HPACK_AT_VALUE : HPACK_AT_FIELD;
	return n;
}

/* A field's text, with its lengths, goes as it is. */
static int rest_of_field(const struct sink *s, const char *p, size_t len, size_t *used)
{
	struct hpack *h = s->h;
	size_t at = 0;
	int err = 0;

	while (at < len && h->at != HPACK_AT_FIELD && !err) {
		if (h->at >= HPACK_AT_NAME_TEXT)
			at += text(h, len - at);
		else
			err = text_length(h, p[at++]);
	}
	*used = at;
	return err || h->skip ? err : feed(s, p, at);
}

static int walk(const struct sink *s, const char *p, size_t len)
{
	size_t at = 0, used;
	int err = s->h->begun ? 0 : begin(s);

	while (at < len && !err) {
		if (s->h->at <= HPACK_AT_INTEGER) {
			err = first_integer(s, p[at++]);
		} else {
			err = rest_of_field(s, p + at, len - at, &used);
			at += used;
		}
	}
	return err;
}

int hpack__feed(struct hpack *h, const char *p, size_t len, const struct hpack_reader *r)
{
	struct sink s = { h, r };

	if (!h->broken)
		h->broken = walk(&s, p, len);
	return h->broken;
}

/* What a broken block would have inserted is not known: nor is, then, what is where. */
int hpack__end(struct hpack *h)
{
	int err = h->broken || h->at == HPACK_AT_FIELD ? h->broken : -EBADMSG;

	h->begun = h->fields = false;
	if (err)
		hpack__forget(h);
	else if (h->inflater)
		nghttp2_hd_inflate_end_headers(h->inflater);
	return err;
}
