/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a request body is. Also kept on disk, so the numbers stay. */
#ifndef RED_OTLP_ENCODING_H
#define RED_OTLP_ENCODING_H

enum otlp_encoding {
	OTLP_PROTOBUF = 1, /* application/x-protobuf, and the message of gRPC */
	OTLP_JSON = 2,     /* application/json */
	OTLP_ZIPKIN_JSON = 3,
};

#define OTLP_REQUEST_MAX (64u << 20) /* before compression: a receiver refuses more */

#endif /* RED_OTLP_ENCODING_H */
