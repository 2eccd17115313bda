/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads what of tls_functions.h is in a file, and makes the plan of its probes. Used by one
 * thread at a time.
 */
#ifndef RED_TLS_SCAN_H
#define RED_TLS_SCAN_H

#include <stddef.h>

struct probe_plan;
struct tls_scan;

/* `signatures`: a file of signatures.h, NULL none. NULL, errno and a sentence. */
struct tls_scan *tls_scan__new(const char *signatures, char *why, size_t why_size);
void tls_scan__free(struct tls_scan *s); /* accepts NULL */

/* The same for whoever maps the file: nothing that a process could choose goes into it. NULL:
 * no memory. */
struct probe_plan *tls_scan__plan(struct tls_scan *s, int fd);

#endif /* RED_TLS_SCAN_H */
