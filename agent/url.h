/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* URLs as users write them. */
#ifndef RED_URL_H
#define RED_URL_H

#include <stddef.h>

/* With "://"; 0: it has none. */
size_t url__scheme_len(const char *url);

/* Without user, password and query; for messages, so also of what is no URL. NULL: out of
 * memory. */
char *url__without_secrets(const char *url);

#endif /* RED_URL_H */
