/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Transactions as JSON, one object a line (json_line.h); keys are the span attributes of the
 * OpenTelemetry conventions. */
#ifndef RED_JSON_H
#define RED_JSON_H

#include <stdint.h>
#include <stdio.h>

#include "span.h"

/* unix_minus_mono_ns turns the span's times into dates. 0 or -EIO. */
int json__span(FILE *to, const struct span *s, int64_t unix_minus_mono_ns);

#endif /* RED_JSON_H */
