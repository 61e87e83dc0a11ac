// SPDX-License-Identifier: MIT
// Node's server, which prints what it reads: one line of JSON per request, and one per body.
import { createServer } from "node:http";

let connections = 0;
const server = createServer({ maxHeaderSize: 65536 }, (request, response) => {
  const connection = request.socket.number;
  const print = (what) => console.log(JSON.stringify({ connection, ...what }));
  const body = [];
  print({ method: request.method, target: request.url, headers: request.rawHeaders });
  request.on("error", () => {});
  request.on("data", (bytes) => body.push(bytes));
  request.on("end", () => {
    print({ body: Buffer.concat(body).toString("hex") });
    response.end();
  });
});
server.on("connection", (socket) => {
  socket.number = connections++;
  socket.on("error", () => {});
});
server.listen(process.argv[2]);
