/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What of TLS the processes of this machine use, and whether it could be seen. Reads
 * their executable files; attaches nothing. */
#ifndef RED_DOCTOR_TLS_H
#define RED_DOCTOR_TLS_H

#include <cjson/cJSON.h>
#include <stdint.h>

struct doctor_tls;

/* Looks at every process that may be looked at; `signatures` as --tls-signatures, or NULL.
 * NULL, errno and a sentence. */
struct doctor_tls *doctor_tls__new(const char *signatures, char *why, size_t why_size);
void doctor_tls__free(struct doctor_tls *d); /* accepts NULL */

void doctor_tls__print(const struct doctor_tls *d);
cJSON *doctor_tls__json(const struct doctor_tls *d); /* the caller's; NULL: no memory */

#endif /* RED_DOCTOR_TLS_H */
