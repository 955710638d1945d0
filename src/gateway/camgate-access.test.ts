// Who may see one camera may not see another over /camgate/v1: every route, by name and by id, asked by users of the real door.
import assert from "node:assert/strict";
import { test } from "node:test";
import { camgateRoutes } from "#api/camgate/camgate-routes.ts";
import { findRoute } from "#api/route.ts";
import { silentLog } from "#base/log.ts";
import { CameraWatch } from "#commands/camera-health.ts";
import { cameraCommands } from "#commands/cameras.ts";
import { configCommands } from "#commands/config.ts";
import { deviceCommands } from "#commands/device.ts";
import { RecordingWatch } from "#commands/recording-health.ts";
import { recordingCommands } from "#commands/recordings.ts";
import { scheduleCommands } from "#commands/schedules.ts";
import { tryCamera } from "#commands/try-camera.ts";
import type { ConfigStatus } from "#config/live-config.ts";
import { parseConfig } from "#config/parse-config.ts";
import { Authenticator } from "#control/auth/authenticator.ts";
import { type Caller, type Command, CommandTable } from "#control/command.ts";
import { CommandJobs } from "#control/command-jobs.ts";
import { HttpFault } from "#http/http-fault.ts";
import type { Lock, RecordingIndex, Span } from "#record/recording-index.ts";
import { SessionRegistry } from "#relay/session-registry.ts";
import { HEALTH } from "#testing/api-site.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { startSite } from "#testing/rtsp-site.ts";
import { scriptedSource } from "#testing/scripted-source.ts";

const USERS = `
authInternalUsers:
- {user: ann, pass: a, permissions: [{action: read, path: gate}, {action: playback, path: gate}]}
- {user: eve, pass: e, permissions: [{action: read, path: gate}]}
`;

const STATUS: ConfigStatus = {
  file: undefined,
  loadedAt: new Date(0),
  lastError: undefined,
  reloads: { applied: 0, refused: 0 },
  pendingRestart: [],
  overlay: { file: undefined, hasChanges: false, fault: undefined },
};

const operator: Caller = { name: "operator", may: () => true };

/** What a store tells of two cameras. */
class TwoCameras {
  readonly held = new Map<string, Lock>();

  async spans(path: string): Promise<readonly Span[]> {
    const span = {
      startUtcUs: 1e9,
      durationUs: 1e6,
      timeQuality: "ntp",
      timeErrorMs: 1,
      gapBefore: undefined,
      sizeBytes: 7,
      locked: false,
    };
    return [{ path, ...span, open: false } as Span];
  }

  async lock({ path, fromUtcUs, toUtcUs, untilUtcUs, why }: Parameters<RecordingIndex["lock"]>[0]): Promise<Lock> {
    const lock = { id: `lock-of-${path}`, path, fromUtcUs, toUtcUs, untilUtcUs, why, sizeBytes: 1 };
    this.held.set(lock.id, lock);
    return lock;
  }

  locks(): readonly Lock[] {
    return [...this.held.values()];
  }

  async unlock(id: string): Promise<boolean> {
    return this.held.delete(id);
  }
}

/** A caller as a listener makes him of credentials: looks at what the door lets him read or play back, and no more. */
function viewer(name: string, pass: string, authenticator: Authenticator): Caller {
  return {
    name,
    async may(scope, path, sight) {
      if (scope !== "read" || path === undefined) return false;
      const answer = await authenticator.authorize({
        action: sight === "live" ? "read" : "playback",
        path,
        protocol: "webrtc",
        remote: { address: "192.0.2.7" },
        query: "",
        id: "",
        credentials: { kind: "basic", user: name, pass },
      });
      return answer.allowed;
    },
  };
}

async function setUp(t: { after(run: () => unknown): void }) {
  const clock = new FakeClock();
  const site = await startSite({ paths: { gate: { source: scriptedSource().source }, yard: { source: scriptedSource().source } } });
  const { registry } = site;
  const store = new TwoCameras();
  const recording = new RecordingWatch({ clock, recorders: () => [], indexOf: () => store, ring: () => undefined });
  const cameras = new CameraWatch({ registry, sessions: new SessionRegistry(), clock });
  const { config } = parseConfig(USERS, "camgate.yml", {});
  const exported: Command<{ readonly cam: string }, { readonly folder: string }> = {
    name: "clip.export",
    scope: "operate",
    sight: "recordings",
    summary: "Stands for an export.",
    parse: (input) => input as { readonly cam: string },
    pathOf: ({ cam }) => cam,
    run: async () => ({ folder: "x" }),
  };
  const commands = new CommandTable([
    ...deviceCommands({
      health: { read: async () => HEALTH },
      clock: () => ({ st: "free", src: "est", off_ms: null, err_ms: null, last_sync_s: null, steps: 0, rtc: false }),
      cameras,
      recording,
      link: () => undefined,
      schedules: () => undefined,
      security: () => ({ auth_fail: 0, banned: 0 }),
    }),
    ...cameraCommands({ registry, cameras }),
    tryCamera({ openCandidate: () => assert.fail("nobody here may try a camera") }),
    ...recordingCommands({ indexOf: () => store, stores: () => [store] }),
    ...configCommands({
      live: { config: config!, status: STATUS, patchPath: async () => assert.fail("the config was changed") },
      onSwitched: () => {},
    }),
    ...scheduleCommands(() => ({ isClockTrusted: true, list: () => [] })),
    exported,
  ]);
  const removed: unknown[] = [];
  const jobs = new CommandJobs({ table: commands, nowMs: () => 0, log: silentLog });
  const routes = camgateRoutes({ commands, jobs, removeClip: async (result) => void removed.push(result) });
  const authenticator = new Authenticator(config!.global, {
    bruteForce: "delay",
    compileExpression: () => undefined,
    clock,
    log: silentLog,
  });
  t.after(async () => {
    authenticator.close();
    await jobs.close();
    await site.close();
  });
  /** Status, and the body where there is one. */
  const ask = async (caller: Caller, line: string, sent?: unknown): Promise<{ status: number; body?: unknown }> => {
    const [method, target = ""] = line.split(" ");
    const { pathname, searchParams } = new URL(`http://x/camgate/v1/${target}`);
    const found = findRoute(routes, method, decodeURIComponent(pathname));
    assert.ok(found !== undefined, line);
    try {
      const { parameter } = found;
      const { signal } = new AbortController();
      const body = await found.route.answer({ parameter, query: searchParams, caller, signal, body: async () => sent });
      return { status: 200, body };
    } catch (error) {
      if (error instanceof HttpFault) return { status: error.status };
      throw error;
    }
  };
  return { ask, store, removed, ann: viewer("ann", "a", authenticator), eve: viewer("eve", "e", authenticator), jobs, routes };
}

test("one camera's viewer sees that camera, and nothing of another or of the whole", async (t) => {
  const { ask, ann } = await setUp(t);
  const looks = ["cameras/get/", "recorders/get/", "spans/list/", "locks/list?cam="];
  for (const look of looks) {
    assert.equal((await ask(ann, `GET ${look}gate`)).status, 200, look);
    assert.equal((await ask(ann, `GET ${look}yard`)).status, 403, look);
  }
  for (const whole of ["health", "cameras/list", "recorders/list", "locks/list", "config/get", "config/status", "schedules/list"])
    assert.equal((await ask(ann, `GET ${whole}`)).status, 403, whole);
});

test("who may watch may not therefore see recordings", async (t) => {
  const { ask, eve } = await setUp(t);
  assert.equal((await ask(eve, "GET cameras/get/gate")).status, 200);
  for (const look of ["recorders/get/gate", "spans/list/gate", "locks/list?cam=gate"])
    assert.equal((await ask(eve, `GET ${look}`)).status, 403, look);
});

test("a viewer changes nothing, not of his own camera either", async (t) => {
  const { ask, ann, store } = await setUp(t);
  for (const cam of ["gate", "yard"]) {
    assert.equal((await ask(ann, `POST cameras/restart/${cam}`)).status, 403);
    assert.equal((await ask(ann, "POST locks/add", { cam, from: 1, to: 2 })).status, 403);
    assert.equal((await ask(ann, "POST clips/add", { cam, from: 1, to: 2 })).status, 403);
    assert.equal((await ask(ann, `POST recorders/set/${cam}`, { on: false })).status, 403);
  }
  assert.deepEqual(store.locks(), []);
});

test("locks and clips by id: those of another camera are not there, whether the id is known or not", async (t) => {
  const { ask, ann, store, removed, jobs } = await setUp(t);
  await ask(operator, "POST locks/add", { cam: "yard", from: 1, to: 2 });
  const { body: clip } = await ask(operator, "POST clips/add", { cam: "yard", from: 1, to: 2 });
  const { id } = clip as { readonly id: string };
  assert.equal((await ask(ann, "DELETE locks/delete/lock-of-yard")).status, 403);
  assert.equal((await ask(ann, "DELETE locks/delete/lock-of-nothing")).status, 403);
  assert.equal((await ask(ann, `GET clips/get/${id}`)).status, 404);
  assert.equal((await ask(ann, `DELETE clips/delete/${id}`)).status, 404);
  assert.deepEqual((await ask(ann, "GET clips/list")).body, []);
  assert.deepEqual([store.locks().length, removed.length, jobs.list().length], [1, 0, 1]);

  assert.equal((await ask(operator, `GET clips/get/${id}`)).status, 200);
  assert.equal((await ask(operator, `DELETE clips/delete/${id}`)).status, 200);
  assert.equal((await ask(operator, "DELETE locks/delete/lock-of-yard")).status, 200);
  assert.deepEqual([store.locks().length, removed.length, jobs.list().length], [0, 1, 0]);
});

function bodyOf(template: string): object {
  if (template.includes("/set/")) return { on: true };
  return template.endsWith("/try") ? { source: "rtsp://yard" } : { cam: "yard", from: 1, to: 2 };
}

test("whatever route there is: of another camera it gives nothing", async (t) => {
  const { ask, ann, routes, jobs } = await setUp(t);
  await ask(operator, "POST locks/add", { cam: "yard", from: 1, to: 2 });
  const { id } = await jobs.start("clip.export", { cam: "yard" }, operator);
  /** Of no camera, and those that tell only what is the caller's. */
  const open = new Set(["/camgate/v1/commands/list", "/camgate/v1/clips/list"]);
  for (const { method, template } of routes) {
    if (open.has(template)) continue;
    const target = template.replace("/camgate/v1/", "").replace("{name}", "yard");
    for (const one of ["lock-of-yard", id]) {
      const { status } = await ask(ann, `${method} ${target.replace("{id}", one)}`, bodyOf(template));
      assert.ok(status === 403 || status === 404, `${method} ${template}: ${status}`);
    }
  }
});
