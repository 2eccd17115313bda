/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef RED_HTTP1_H
#define RED_HTTP1_H

#include "proto.h"

extern const struct proto http1_proto;

#endif /* RED_HTTP1_H */
