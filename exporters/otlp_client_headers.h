/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a request says of itself. */
#ifndef RED_OTLP_CLIENT_HEADERS_H
#define RED_OTLP_CLIENT_HEADERS_H

#include "curl.h"
#include "otlp_config.h"

/* The protocol's and the user's, for slist_free_all; NULL: no memory. */
struct curl_slist *otlp_headers__make(const struct curl_api *curl, const struct otlp_endpoint *e,
				      enum otlp_encoding encoding);

#endif /* RED_OTLP_CLIENT_HEADERS_H */
