/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names of the conventions that are written in several places and not stable yet: those
 * for RPC are a release candidate, and the status is announced to become rpc.status_code. */
#ifndef RED_SEMCONV_H
#define RED_SEMCONV_H

#define SEMCONV_RPC_METHOD          "rpc.method"
#define SEMCONV_RPC_METHOD_ORIGINAL "rpc.method_original"
#define SEMCONV_RPC_STATUS          "rpc.response.status_code"
#define SEMCONV_RPC_SYSTEM          "rpc.system.name"

#define SEMCONV_RPC_SERVER_DURATION "rpc.server.call.duration"
#define SEMCONV_RPC_CLIENT_DURATION "rpc.client.call.duration"

#endif /* RED_SEMCONV_H */
