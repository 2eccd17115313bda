/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Real hellos, made by tests/fuzz/record-hellos. Those who use them run at the top of the tree. */
#ifndef RED_TEST_HELLOS_H
#define RED_TEST_HELLOS_H

#include <stdint.h>
#include <stdio.h>

#include "redeye.h"

#define AES256 "TLS_AES_256_GCM_SHA384"
#define ECDHE  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"

/* "curl-c": what the client said, "curl-s": the server. Returns how long it is. */
static inline size_t load_hello(const char *file, uint8_t data[RED_CAP_MAX])
{
	char path[128];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "tests/fuzz/corpus/tls_hello/%s", file);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(data, 1, RED_CAP_MAX, f);
	fclose(f);
	assert_in_range(n, 6, RED_CAP_MAX - 1);
	return n;
}

#endif /* RED_TEST_HELLOS_H */
