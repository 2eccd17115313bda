/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which Go built an image, and hence how its functions take their arguments. */
#ifndef RED_GOBUILD_H
#define RED_GOBUILD_H

#include "image.h"

/* The version as Go wrote it, "go1.22.1", "devel go1.23-abcdef", "go1.21 X:boringcrypto";
 * 0, -ENOENT (it is not there), -ENOSPC (size), or what reading said. */
int gobuild__version(const struct image *img, char *buf, size_t size);

enum gobuild_abi {
	GOBUILD_ABI_UNKNOWN = 0,  /* must not be probed */
	GOBUILD_ABI_STACK = 1,    /* all arguments on the stack; "ABI0" */
	GOBUILD_ABI_REGISTER = 2, /* "ABIInternal" with registers */
};

/* How that version compiles for the image's machine. When unknown a sentence is in `why`. */
enum gobuild_abi gobuild__abi(const struct image *img, const char *version, char *why,
			      size_t why_size);

#endif /* RED_GOBUILD_H */
