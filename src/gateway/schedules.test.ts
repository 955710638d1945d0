// Schedules of the whole gateway: what is recorded and what is told follows from them, also when the config changes while it runs.
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parseConfig } from "#config/parse-config.ts";
import { apiDocument, type Body } from "#testing/api-site.ts";
import { collectedLog } from "#testing/collected-log.ts";
import { freeTcpPort } from "#testing/free-ports.ts";
import { contractFaults } from "#testing/mqtt-contract.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { until } from "#testing/peers/until.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { trustClock } from "#testing/trusted-clock.ts";
import { Gateway } from "./gateway.ts";

const WAIT_MS = 60_000;

/** Every day, so many minutes from now. */
function daily(minutes: number): string {
  const at = new Date(Date.now() + minutes * 60_000);
  return `${at.getUTCMinutes()} ${at.getUTCHours()} * * *`;
}

async function start(t: TestContext, { schedules }: { readonly schedules: readonly string[] }) {
  const folder = await temporaryFolder(t);
  await trustClock(join(folder, "data"));
  const camera = await ScriptedCamera.start({ frameMs: 40, video: { gopFrames: 5, frameBytes: 500 } });
  t.after(() => camera.close());
  const [rtspPort, apiPort] = [await freeTcpPort(0), await freeTcpPort(0)];
  const configOf = (lines: readonly string[]) => {
    const text = `
api: yes
apiAddress: 127.0.0.1:${apiPort}
rtspAddress: 127.0.0.1:${rtspPort}
rtspTransports: [tcp]
webrtc: no
dataDirectory: ${folder}/data
pathDefaults: {rtspTransport: tcp, recordPartDuration: 200ms, recordPath: '${folder}/files/%path/%Y-%m-%d_%H-%M-%S-%f'}
paths:
  gate: {source: '${camera.url()}'}
  yard: {source: '${camera.url()}', record: yes}
schedules: [${lines.join(", ")}]`;
    const { config, problems } = parseConfig(text, "camgate.yml", {});
    assert.ok(config !== undefined, problems.map(({ message }) => message).join("\n"));
    return config;
  };
  const gateway = await Gateway.start(configOf(schedules), collectedLog());
  t.after(() => gateway.close());
  const origin = `http://127.0.0.1:${gateway.ports["apiAddress"]}`;
  const ask = async (method: string, target: string, sent?: unknown): Promise<Body> => {
    const init = sent === undefined ? {} : { body: JSON.stringify(sent), headers: { "content-type": "application/json" } };
    const response = await fetch(`${origin}/camgate/v1/${target}`, { method, ...init });
    const body: Body = await response.json();
    assert.equal(response.status, 200, JSON.stringify(body));
    const path = new URL(response.url).pathname;
    assert.deepEqual(apiDocument.faultsOf({ method, path, status: 200, body }), []);
    return body;
  };
  const recorders = async (): Promise<string> => {
    const { cams } = await ask("GET", "recorders/list");
    const running = Object.entries<Body>(cams).filter(([, { st }]) => st !== "off");
    return running.map(([name]) => name).join(" ");
  };
  const becomes = (wanted: string): Promise<unknown> => until(`recorders '${wanted}'`, async () => (await recorders()) === wanted, WAIT_MS);
  return { gateway, ask, becomes, apply: (lines: readonly string[]) => gateway.apply(configOf(lines)) };
}

const on = (minutes: number, path = ""): string => `{cron: '${daily(minutes)}', do: recordOn, path: '${path}'}`;
const off = (minutes: number, path = ""): string => `{cron: '${daily(minutes)}', do: recordOff, path: '${path}'}`;

test("a gateway that starts within its hours records, whatever `record` says; another config and a hand change it", async (t) => {
  const { ask, becomes, apply } = await start(t, { schedules: [on(-60, "gate"), off(60, "gate"), off(-60, "yard"), on(120, "yard")] });
  await becomes("gate");
  await until("footage", async () => ((await ask("GET", "spans/list/gate")).spans as Body[]).length > 0, WAIT_MS);

  await ask("POST", "recorders/set/yard", { on: true });
  await becomes("gate yard");
  await ask("POST", "recorders/set/gate", { on: false });
  await becomes("yard");

  await apply([on(-30, "gate"), off(60, "gate")]);
  await becomes("gate yard");
  await apply([off(-20), on(60)]);
  await becomes("");
  await apply([]);
  await becomes("yard");
});

test("what is due next is told, by the API and in the health document", async (t) => {
  const { ask, apply } = await start(t, {
    schedules: [off(30, "gate"), on(-30, "gate"), "{cron: '0 3 * * *', timeZone: Europe/Berlin, do: telemetry, value: 5m}"],
  });
  const { trusted, schedules } = await ask("GET", "schedules/list");
  assert.equal(trusted, true);
  assert.deepEqual(
    schedules.map((item: Body) => [item.do, item.path, item.zone]),
    [
      ["recordOff", "gate", "UTC"],
      ["recordOn", "gate", "UTC"],
      ["telemetry", null, "Europe/Berlin"],
    ],
  );
  const now = Date.now();
  assert.ok(
    schedules.every(({ next }: Body) => next > now - 60_000 && next <= now + 86_400_000),
    JSON.stringify(schedules),
  );
  const health = await ask("GET", "health");
  assert.deepEqual(health.sched, { next: Math.min(...schedules.map(({ next }: Body) => next)), do: health.sched.do, fail: 0 });
  const envelope = { v: 1, sid: "00000001-0001", seq: 1, ts: now, tq: "est", mono: 1, boot: 1 };
  assert.deepEqual(contractFaults("up-tel", { ...envelope, ...health }), []);
  await apply([]);
  assert.equal((await ask("GET", "health")).sched, undefined);
  assert.deepEqual((await ask("GET", "schedules/list")).schedules, []);
});
