/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Places where a probe is cheap, near the one that was asked for: see cheap_site.c. */
#ifndef RED_CHEAP_SITE_H
#define RED_CHEAP_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHEAP_SITE_CODE 32 /* bytes of a function's beginning that are looked at */

/* Is the instruction at `code` one that the kernel carries out itself? */
bool cheap_site__is(const uint8_t *code, size_t len);

/* How many bytes behind a function's first a probe at its entry is cheap, with registers
 * and stack as they were at the entry; 0: at the first, or nowhere. */
size_t cheap_site__entry(const uint8_t *code, size_t len);

/* The address that two functions call: `two` as the first thing that it does, `one`
 * anywhere. 0: there is none. */
uint64_t cheap_site__callee(const uint8_t *one, size_t one_len, uint64_t one_address,
			    const uint8_t *two, size_t two_len, uint64_t two_address);

#endif /* RED_CHEAP_SITE_H */
