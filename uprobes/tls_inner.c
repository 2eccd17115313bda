// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * OpenSSL's SSL_read() and SSL_write() are wrappers with room for one number on the stack:
 * most compilers begin them by taking that room, which is the dear kind of place for a
 * probe (cheap_site.c). What they wrap, since 1.1.1, are ssl_read_internal() and
 * ssl_write_internal(), which save registers first: a push. These have no symbol in a
 * stripped library, but two callers: SSL_read_ex() does nothing before it calls, so its
 * first call says where, and SSL_read() must have a call to the same address. Both have
 * the arguments of the _ex functions, and return what those return, but below 0 for an
 * error and 0 for the end. BIO_f_ssl comes to them too, and past the others.
 */
#include "tls_inner.h"

#include "cheap_site.h"
#include "image_internal.h"

#define WRAPPER_MAX 256 /* bytes of a wrapper that are searched */

/* clang-format off */
const struct tls_inner tls_inners[] = {
	{ { "SSL_read", "SSL_read_ex" },
	  { .kind = TLS_OPENSSL, .role = TLS_READ, .entry = "uprobe_tls_read_inner" } },
	/* 3.3 has its flags before the number's address. */
	{ { "SSL_write", "SSL_write_ex2" },
	  { .kind = TLS_OPENSSL, .role = TLS_WRITE, .entry = "uprobe_tls_write_ex2" } },
	{ { "SSL_write", "SSL_write_ex" },
	  { .kind = TLS_OPENSSL, .role = TLS_WRITE, .entry = "uprobe_tls_write_ex" } },
};
/* clang-format on */

const size_t tls_inners_n = sizeof(tls_inners) / sizeof(tls_inners[0]);

static size_t read_code(const struct image *img, const struct image_function *f, uint8_t *code,
			size_t max)
{
	size_t len = f->size && f->size < max ? f->size : max;

	return image__pread(img, f->offset, code, len) ? 0 : len;
}

uint64_t tls_inner__entry(const struct image *img, const struct image_function *f)
{
	uint8_t code[CHEAP_SITE_CODE];

	return f->offset + cheap_site__entry(code, read_code(img, f, code, sizeof(code)));
}

static bool is_cheap(const struct image *img, const struct image_function *f)
{
	uint8_t code[CHEAP_SITE_CODE];
	size_t len = read_code(img, f, code, sizeof(code)), at = cheap_site__entry(code, len);

	return cheap_site__is(code + at, len - at);
}

bool tls_inner__find(const struct image *img, const struct image_function outer[2],
		     struct image_function *inner)
{
	uint8_t one[WRAPPER_MAX], two[CHEAP_SITE_CODE];
	size_t one_len, two_len;

	if (!outer[0].size || !outer[1].size || is_cheap(img, &outer[0]))
		return false;
	one_len = read_code(img, &outer[0], one, sizeof(one));
	two_len = read_code(img, &outer[1], two, sizeof(two));
	*inner = (struct image_function){
		.address = cheap_site__callee(one, one_len, outer[0].address, two, two_len,
					      outer[1].address),
	};
	return inner->address && !image__offset(img, inner->address, 1, &inner->offset) &&
	       is_cheap(img, inner);
}
