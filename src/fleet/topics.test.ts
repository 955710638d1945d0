import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { test } from "node:test";
import { sessionId } from "./envelope.ts";
import { derivedGatewayId } from "./gateway-id.ts";
import { gatewayIdFault, Topics, tenantFault } from "./topics.ts";

test("names that reach a topic have no other character", () => {
  for (const tenant of ["ac", "acme", "a1b2c3d4e5f6a7b8"]) assert.equal(tenantFault(tenant), undefined);
  for (const tenant of ["a", "Acme", "ac-me", "a/b", "+", "#", "a1b2c3d4e5f6a7b89", "ac\n"]) assert.ok(tenantFault(tenant), tenant);
  for (const id of ["gw-0001", "0ab"]) assert.equal(gatewayIdFault(id), undefined);
  for (const id of ["gw", "-gw", "gw_1", "gw/1", "gw+1", "GW-1", "g".repeat(33), ""]) assert.ok(gatewayIdFault(id), id);
});

test("an answer goes where it was asked for only below the gateway's own tree", () => {
  const topics = new Topics({ tenant: "acme", gatewayId: "gw-0001" });
  const own = "cg/v1/acme/gw-0001/up/res";
  assert.equal(topics.responseTopic(undefined), own);
  assert.equal(topics.responseTopic(own), own);
  assert.equal(topics.responseTopic(`${own}/noc-api-3`), `${own}/noc-api-3`);
  const foreign = [
    "cg/v1/acme/gw-0002/up/res",
    `${own}/a/b`,
    `${own}/`,
    `${own}/+`,
    `${own}x`,
    "",
    `${own}/${"a".repeat(65)}`,
    `${own}/a\n`,
  ];
  for (const topic of foreign) assert.equal(topics.responseTopic(topic), own, topic);
});

test("a derived name is the key's own", () => {
  const key = (x: string) => createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const id = derivedGatewayId(key("A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"));
  assert.match(id, /^gw-[a-z2-7]{12}$/);
  assert.equal(gatewayIdFault(id), undefined);
  assert.notEqual(id, derivedGatewayId(key("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")));
});

test("session ids rise over connections and boots", () => {
  const ids = [sessionId(1, 0), sessionId(1, 1), sessionId(1, 0xffff), sessionId(42, 3)];
  assert.deepEqual(ids, ["00000001-0000", "00000001-0001", "00000001-ffff", "0000002a-0003"]);
  assert.equal(sessionId(1, 70_000), "00000001-ffff");
  assert.deepEqual([...ids].sort(), ids);
});
