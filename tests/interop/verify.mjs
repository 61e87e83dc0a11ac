// SPDX-License-Identifier: MIT
// Verifies access tokens as a stranger would: with jose and a JWK Set, nothing else.
// Reads {jwks, issuer, audience, tokens} and prints, for each token, its claims or null.
import { readFileSync } from "node:fs";
import { createLocalJWKSet, errors, jwtVerify } from "jose";

const { jwks, issuer, audience, tokens } = JSON.parse(readFileSync(0, "utf8"));
const keys = createLocalJWKSet(jwks);

async function claims(token) {
  try {
    return (await jwtVerify(token, keys, { issuer, audience, typ: "at+jwt" })).payload;
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}

const results = [];
for (const token of tokens) results.push(await claims(token));
console.log(JSON.stringify(results));
