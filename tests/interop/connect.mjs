// SPDX-License-Identifier: MIT
// What an application does with Connect's clients, and generated code. Reads {gen, key,
// transports} and prints, for each transport, what it has seen.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport as createNodeTransport } from "@connectrpc/connect-node";
import { createConnectTransport as createFetchTransport } from "@connectrpc/connect-web";

const { gen, key, transports } = JSON.parse(readFileSync(0, "utf8"));
const load = (name) => import(`${gen}/latchkey/v1/${name}_pb.js`);
const { AuthService, DenyReason } = await load("auth");
const { CredentialKind, ErrorDetailsSchema, ErrorReason } = await load("common");
const { HealthService, ServingStatus } = await load("health");
const { KeyService, KeyState } = await load("key");
const { ReflectionService } = await load("reflection");

const authorize = (next) => (request) => {
  request.header.set("Authorization", `Bearer ${key}`);
  return next(request);
};

function transportOf({ kind, baseUrl, useBinaryFormat }, interceptors) {
  if (kind === "node")
    return createNodeTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat, interceptors });
  return createFetchTransport({ baseUrl, useBinaryFormat, interceptors });
}

// The error that a call ends with.
async function errorOf(call) {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const [details] = error.findDetails(ErrorDetailsSchema);
    return {
      code: Code[error.code],
      fields: details?.fieldViolations.map(({ field }) => field) ?? [],
      reason: details ? ErrorReason[details.reason] : null,
    };
  }
  return null;
}

async function live(transport, anonymous) {
  const keys = createClient(KeyService, transport);
  const auth = createClient(AuthService, transport);
  const request = { realm: "shop", name: "from node", scopes: ["orders.read"], userId: "ada" };
  const headers = { "Idempotency-Key": randomUUID() };
  const made = await keys.createKey(request, { headers });
  const again = await keys.createKey(request, { headers });
  const listed = await keys.listKeys({ realm: "shop", userId: "ada" });
  const credential = { kind: CredentialKind.API_KEY, value: made.secret };
  const ask = { realm: "shop", credentials: [credential], permissions: ["orders.read"] };
  const before = await auth.authenticate(ask, { timeoutMs: 20000 });
  const revoked = await keys.revokeKey({ realm: "shop", id: made.key.id });
  const after = await auth.authenticate(ask);
  const reflection = createClient(ReflectionService, anonymous);
  const health = await createClient(HealthService, anonymous).check({});
  return {
    same: again.secret === made.secret && made.secret.startsWith("shop_"),
    listed: listed.keys.filter(({ id }) => id === made.key.id).map(({ name }) => name),
    age: Math.abs(Date.now() / 1000 - Number(made.key.createdAt.seconds)) < 3600,
    allowed: [before.allowed, after.allowed],
    user: before.principal.userId,
    revoked: KeyState[revoked.key.state],
    reason: DenyReason[after.reason],
    health: ServingStatus[health.status],
    descriptors: (await reflection.getDescriptors({})).fileDescriptorSet.length > 1000,
    badName: await errorOf(keys.createKey({ ...request, name: "a\nb" })),
    reused: await errorOf(keys.createKey({ ...request, name: "other" }, { headers })),
    missing: await errorOf(keys.getKey({ realm: "shop", id: made.key.id.slice(0, -1) + "!" })),
    nobody: await errorOf(createClient(KeyService, anonymous).listKeys({ realm: "shop" })),
  };
}

const seen = [];
for (const transport of transports)
  seen.push(await live(transportOf(transport, [authorize]), transportOf(transport, [])));
console.log(JSON.stringify(seen));
process.exit(0); // Connections that are kept alive would hold it up.
