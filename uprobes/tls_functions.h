/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The functions of TLS libraries that probes are put at. */
#ifndef RED_TLS_FUNCTIONS_H
#define RED_TLS_FUNCTIONS_H

#include <stddef.h>

struct tls_function {
	const char *library; /* "openssl": those of its forks too */
	const char *name;    /* of the symbol */
};

extern const struct tls_function tls_functions[];
extern const size_t tls_functions_n;

#endif /* RED_TLS_FUNCTIONS_H */
