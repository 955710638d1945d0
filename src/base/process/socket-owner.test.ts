import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { connectionOwner, ownerIn } from "./socket-owner.ts";

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:217E 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0000000000000000 100 0 0 10 0
  11: 0100007F:A1B2 0100007F:217E 01 00000000:00000000 02:000003B1 00000000  1000        0 101 2 0000000000000000 20 4 30 10 -1
  12: 0100007F:217E 0100007F:A1B2 01 00000000:00000000 00:00000000 00000000     0        0 102 1 0000000000000000 20 4 30 10 -1
  13: 0100007F:000A 0100007F:217E 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0000000000000000
`;

test("the row of the peer, not our own", () => {
  assert.equal(ownerIn(TABLE, 0x217e, 0xa1b2), 1000);
  assert.equal(ownerIn(TABLE, 0xa1b2, 0x217e), 0);
  assert.equal(ownerIn(TABLE, 0x217e, 10), 0);
  assert.equal(ownerIn(TABLE, 0x217e, 0xa1b3), undefined);
  assert.equal(ownerIn("", 1, 2), undefined);
});

test("a connection of this process is ours", { skip: process.platform !== "linux" && "only Linux tells" }, async (t) => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = connect(port, "127.0.0.1");
  t.after(() => client.destroy());
  const [accepted] = (await once(server, "connection")) as [Socket];
  t.after(() => accepted.destroy());
  assert.equal(await connectionOwner(port, accepted.remotePort!), process.getuid!());
  assert.equal(await connectionOwner(port, 1), undefined);
});
