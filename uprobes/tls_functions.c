// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tls_functions.h"

const struct tls_function tls_functions[] = {
	{ "openssl", "SSL_read" },         { "openssl", "SSL_write" },
	{ "openssl", "SSL_read_ex" },      { "openssl", "SSL_write_ex" },
	{ "openssl", "SSL_do_handshake" }, { "openssl", "SSL_shutdown" },
	{ "openssl", "SSL_free" },         { "openssl", "SSL_peek" },
};

const size_t tls_functions_n = sizeof(tls_functions) / sizeof(tls_functions[0]);
