/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A selection in the words of the command line. */
#ifndef RED_WATCHING_H
#define RED_WATCHING_H

#include "options.h"

/* "--port 8080 --exe /usr/bin/nginx --exclude-pid 7". The caller's; NULL: no memory. */
char *watching__text(const struct selection *include, const struct selection *exclude);

#endif /* RED_WATCHING_H */
