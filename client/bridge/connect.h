/* SPDX-License-Identifier: MIT */
/* Every method of latchkey.v1 over HTTP: the unary form of the Connect protocol
 * (https://connectrpc.com/docs/protocol), POST only, with JSON and binary messages.
 *
 *   POST /latchkey.v1.KeyService/ListKeys
 *
 * Who calls is told by `Authorization: Bearer` and a service key, and nobody by the bridge: a call
 * is made with that credential, or with one that is no key. `Idempotency-Key` (16 to 64 bytes)
 * makes a repeated change the same change; `Connect-Timeout-Ms` and `traceparent` go along.
 */
#pragma once

#include "client/bridge/bridge.h"

/* Answers a request to the operations address; false when its path is none of a service. */
bool lk_connect_serve(struct lk_bridge *bridge, struct lk_http_exchange *exchange);
