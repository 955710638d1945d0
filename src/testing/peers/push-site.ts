// A site that pushes to servers: a gateway on Debian's mosquitto with a camera, and a camgate with the config of docs/mqtt/examples as the receiver.
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startCameras } from "../camera/cameras.ts";
import { freeTcpPort, freeUdpPortPair } from "../free-ports.ts";
import { makeSelfSigned, type SelfSigned, writeSelfSigned } from "../self-signed.ts";
import { type Camgate, startCamgate } from "./camgate.ts";
import { startMosquitto } from "./mosquitto.ts";
import type { TestScope } from "./run-peer.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { until } from "./until.ts";

export const ROOT = "cg/v1/acme/gw-0001";
const EXAMPLE = readFileSync(new URL("../../../docs/mqtt/examples/receiver.yml", import.meta.url), "utf8");
/** Of the user `gw-0001`. */
export const PASSWORD = "change-this-1";
export const PATIENCE_MS = 60_000;

/** Vouches for broker and receivers. */
export const authority = makeSelfSigned({ name: "NOC authority", isAuthority: true });

export interface Receiver {
  readonly camgate: Camgate;
  rtsp(path: string, credentials?: string): string;
  whip(path: string, credentials?: string): string;
  /** Whether a stream is there. */
  has(path: string): Promise<boolean>;
  /** Another one in its place. */
  again(): Promise<Receiver>;
}

/** What stands in docs/mqtt/examples/receiver.yml, on ports of loopback. */
export async function startReceiver(
  t: TestScope,
  ports?: readonly number[],
  pair: SelfSigned = makeSelfSigned({ issuer: authority }),
): Promise<Receiver> {
  const { keyFile, certFile } = await writeSelfSigned(await temporaryFolder(t), pair);
  const [rtsps, https, udp] = ports ?? [await freeTcpPort(0), await freeTcpPort(0), await freeUdpPortPair(0)];
  const camgate = await startCamgate(t, {
    config: `api: yes\n${EXAMPLE}`,
    env: {
      MTX_RTSPENCRYPTION: "optional", // the tests' start waits for plain RTSP as well
      MTX_RTSPSADDRESS: `127.0.0.1:${rtsps}`,
      ...{ MTX_RTSPSERVERCERT: certFile, MTX_RTSPSERVERKEY: keyFile, MTX_WEBRTCSERVERCERT: certFile, MTX_WEBRTCSERVERKEY: keyFile },
      ...{ MTX_WEBRTC: "yes", MTX_WEBRTCADDRESS: `127.0.0.1:${https}`, MTX_WEBRTCLOCALUDPADDRESS: `127.0.0.1:${udp}` },
      ...{ MTX_WEBRTCADDITIONALHOSTS: "127.0.0.1", MTX_WEBRTCIPSFROMINTERFACES: "no" },
    },
  });
  await camgate.process.match(/\[WebRTC\] listener opened/);
  const authorization = `Basic ${Buffer.from("operator:change-this-2").toString("base64")}`;
  return {
    camgate,
    rtsp: (path, credentials = `gw-0001:${PASSWORD}`) => `rtsps://${credentials}@127.0.0.1:${rtsps}/${path}`,
    whip: (path, credentials = "") => `https://${credentials}127.0.0.1:${https}/${path}/whip`,
    has: async (path) => {
      const answer = await fetch(`${camgate.apiOrigin}/v3/paths/get/${path}`, { headers: { authorization } });
      return ((await answer.json()) as { readonly ready?: boolean }).ready === true;
    },
    again: () => startReceiver(t, [rtsps!, https!, udp!], pair),
  };
}

/** A gateway with a camera, linked to a broker; the NOC's authority vouches for whom it pushes to. */
export async function startGateway(
  t: TestScope,
  { commands = "commands: broker", env = {} }: { readonly commands?: string; readonly env?: Readonly<Record<string, string>> } = {},
) {
  const folder = await temporaryFolder(t);
  const ca = join(folder, "authority.crt");
  await writeFile(ca, authority.cert);
  const { keyFile, certFile } = await writeSelfSigned(await temporaryFolder(t), makeSelfSigned({ issuer: authority }));
  const broker = await startMosquitto(t, {
    config: `allow_anonymous true\ncertfile ${certFile}\nkeyfile ${keyFile}`,
    clientWords: ["--cafile", ca],
  });
  const cameras = await startCameras({ port: 0, count: 1, login: { user: "admin", pass: "pass" } });
  t.after(() => cameras.close());
  const source = `rtsp://admin:pass@127.0.0.1:${cameras.port}/gate`;
  const config =
    `api: yes\nlogLevel: debug\ndestinationHosts: [127.0.0.1]\n` +
    `mqtt:\n  urls: [mqtts://127.0.0.1:${broker.port}]\n  tenant: acme\n  gatewayId: gw-0001\n  ${commands}\n  ca: authority.crt\n` +
    `  telemetryInterval: 1s\npathDefaults: {rtspTransport: tcp, sourceOnDemand: yes, sourceOnDemandCloseAfter: 1s}\n` +
    `paths:\n  gate: {source: '${source}'}\n`;
  const camgate = await startCamgate(t, { folder, env, config });
  const noc = await broker.subscribe("cg/#");
  await noc.wait("the birth", ({ json }) => json?.online === true);
  let asked = 0;
  const send = async (op: string, args: object): Promise<string> => {
    const id = `01P${++asked}`;
    await broker.publish(`${ROOT}/dn/cmd`, JSON.stringify({ v: 1, id, op, args, exp: Date.now() + 120_000 }));
    return id;
  };
  const answerTo = async (id: string) => {
    const isEnd = (answer?: { readonly id: unknown; readonly st?: string }) =>
      answer?.id === id && ["ok", "err", "rej", "cancel", "lost"].includes(answer.st ?? "");
    const { json } = await until(`the answer to ${id}`, () => noc.messages().find((one) => isEnd(one.json)), PATIENCE_MS);
    return json;
  };
  const ask = async (op: string, args: object) => answerTo(await send(op, args));
  const event = (lid: string, fits: (event: { readonly ph: string; readonly data: Readonly<Record<string, unknown>> }) => boolean) =>
    until(
      `an event of ${lid}`,
      () => noc.messages().find(({ topic, json }) => topic === `${ROOT}/up/evt` && json.data.lid === lid && fits(json))?.json,
      PATIENCE_MS,
    );
  return { broker, ca, config, camgate, noc, send, answerTo, ask, event };
}
