// SPDX-License-Identifier: MIT
// Better Auth's own client against a server: signs in, reads the session and signs out. Reads
// {base, email, password, way} from standard input, and prints what the client said at each step.
// `way` is "bearer", or "cookie" as a browser has it: node keeps none, so its jar is here.

import { createAuthClient } from "better-auth/client";

let input = "";
for await (const chunk of process.stdin) input += chunk;
const { base, email, password, way } = JSON.parse(input);

let token = "";
let jar = "";

async function browser(url, init) {
  const headers = new Headers(init?.headers);
  if (jar) headers.set("Cookie", jar);
  const response = await fetch(url, { ...init, headers });
  for (const line of response.headers.getSetCookie()) {
    const [pair] = line.split(";");
    jar = line.includes("Max-Age=0") ? "" : pair;
  }
  return response;
}

const client = createAuthClient({
  baseURL: base,
  fetchOptions:
    way === "cookie"
      ? { customFetchImpl: browser }
      : { auth: { type: "Bearer", token: () => token } },
});

const told = {};
told.wrong = await client.signIn.email({ email, password: password + "x" });
told.before = await client.getSession();
told.signIn = await client.signIn.email({ email, password });
token = told.signIn.data?.token ?? "";
told.session = await client.getSession();
told.signOut = await client.signOut();
told.after = await client.getSession();
told.jar = jar;
console.log(JSON.stringify(told));
process.exit(0);
