// Users who are removed or changed while they read and publish.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Config } from "#config/config.ts";
import { parseConfig } from "#config/parse-config.ts";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { until } from "#testing/peers/until.ts";
import { overTcp, RawRtspClient } from "#testing/raw-rtsp-client.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { syntheticSdp } from "#testing/synthetic-track.ts";
import { Gateway } from "./gateway.ts";

interface Users {
  readonly [user: string]: { readonly pass: string; readonly may: string };
}

const ANN = { pass: "a", may: "{action: read}" };
const BOB = { pass: "b", may: "{action: read}, {action: publish}" };

async function start(t: TestContext, users: Users) {
  const camera = await ScriptedCamera.start({ frameMs: 20, video: { gopFrames: 5, frameBytes: 2000 } });
  t.after(() => camera.close());
  const port = await freeTcpPort(0);
  const configOf = (listed: Users): Config => {
    const entries = Object.entries(listed).map(([user, { pass, may }]) => `- {user: ${user}, pass: ${pass}, permissions: [${may}]}\n`);
    const text = `rtspAddress: 127.0.0.1:${port}
rtspTransports: [tcp]
webrtc: no
authInternalUsers:
${entries.join("")}
paths:
  cam: {source: '${camera.url()}', rtspTransport: tcp}
  all_others: {}
`;
    const { config, problems } = parseConfig(text, "camgate.yml", {});
    assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
    return config;
  };
  const log = new AwaitedLog();
  const gateway = await Gateway.start(configOf(users), log);
  t.after(() => gateway.close());
  await until("the stream", () => gateway.registry.get("cam")?.state === "available");
  const url = (path: string): string => `rtsp://127.0.0.1:${port}/${path}`;
  const login = (user: string, pass: string) => ({ Authorization: `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}` });
  const connect = async (): Promise<RawRtspClient> => {
    const client = await RawRtspClient.connect(port);
    t.after(() => client.close());
    return client;
  };
  const read = async (user: string, pass: string, path = "cam"): Promise<RawRtspClient> => {
    const client = await connect();
    const setup = await client.request("SETUP", `${url(path)}/trackID=0`, { Transport: overTcp(), ...login(user, pass) });
    assert.equal(setup.status, 200);
    assert.equal((await client.request("PLAY", url(path))).status, 200);
    await client.when("the first packet", (packets) => packets.length > 0);
    return client;
  };
  const announce = async (user: string, pass: string, path: string): Promise<RawRtspClient> => {
    const client = await connect();
    const headers = { "Content-Type": "application/sdp", ...login(user, pass) };
    assert.equal((await client.request("ANNOUNCE", url(path), headers, syntheticSdp())).status, 200);
    return client;
  };
  const apply = (listed: Users): Promise<void> => gateway.apply(configOf(listed));
  return { gateway, log, url, read, announce, apply };
}

/** Packets go on to come. */
async function goesOn(client: RawRtspClient): Promise<void> {
  const { length } = client.packets;
  await client.when("more packets", (packets) => packets.length > length + 10);
}

test("a user who is removed loses what he reads and publishes; everybody else goes on", async (t) => {
  const { gateway, log, read, announce, apply } = await start(t, { ann: ANN, bob: BOB });
  const [ann, bob] = [await read("ann", "a"), await read("bob", "b")];
  const publisher = await announce("bob", "b", "yard");
  await apply({ ann: ANN });
  await Promise.all([bob.closed, publisher.closed]);
  await log.line(/\[auth\] rtspSession .* of user 'bob' is closed: path 'cam' is not allowed any more/);
  await log.line(/path 'yard' is not allowed any more/);
  await goesOn(ann);
  assert.deepEqual(
    gateway.sessions
      .all()
      .filter(({ kind }) => kind === "rtspSession")
      .map(({ user }) => user),
    ["ann"],
  );
});

test("another password ends his sessions, the same list does not", async (t) => {
  const { read, apply } = await start(t, { ann: ANN, bob: BOB });
  const [ann, bob] = [await read("ann", "a"), await read("bob", "b")];
  await apply({ bob: BOB, ann: ANN });
  await Promise.all([goesOn(ann), goesOn(bob)]);
  await apply({ ann: ANN, bob: { ...BOB, pass: "new" } });
  await bob.closed;
  await goesOn(ann);
});

test("a permission that is taken away ends what it allowed", async (t) => {
  const { read, announce, apply } = await start(t, { ann: ANN, bob: BOB });
  const [ann, bob] = [await read("ann", "a"), await read("bob", "b")];
  const publisher = await announce("bob", "b", "yard");
  await apply({ ann: { pass: "a", may: "{action: read, path: other}" }, bob: { pass: "b", may: "{action: read}" } });
  await Promise.all([ann.closed, publisher.closed]);
  await goesOn(bob);
});

test("who has announced and not begun, and what is being asked for meanwhile, is not forgotten", async (t) => {
  const { announce, apply, url } = await start(t, { bob: BOB, ann: ANN });
  const publisher = await announce("bob", "b", "yard");
  const record = publisher.request("RECORD", url("yard")).catch(() => undefined);
  await apply({ ann: ANN });
  await publisher.closed;
  await record;
});
