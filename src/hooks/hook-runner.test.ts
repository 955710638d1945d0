import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { silentLog } from "#base/log.ts";
import type { AccessRequest } from "#relay/access.ts";
import type { PathConf } from "#relay/path-options.ts";
import { PathRegistry } from "#relay/path-registry.ts";
import { type SessionEntry, SessionRegistry } from "#relay/session-registry.ts";
import { AwaitedLog } from "#testing/awaited-log.ts";
import { FakeClock } from "#testing/fake-clock.ts";
import { lastingProgram } from "#testing/lasting-program.ts";
import { pathConf } from "#testing/rtsp-site.ts";
import { scriptedSource } from "#testing/scripted-source.ts";
import { syntheticTrack } from "#testing/synthetic-track.ts";
import { UnitTap } from "#testing/unit-tap.ts";
import { HookRunner } from "./hook-runner.ts";
import { type ConnectionHookSettings, NO_PATH_HOOKS, type PathHookSettings } from "./hook-settings.ts";

const PATH_VARIABLES = "$MTX_PATH $RTSP_PATH $RTSP_PORT g:$G1,$G2";
const NO_CONNECTION_HOOKS: ConnectionHookSettings = { runOnConnect: "", runOnConnectRestart: false, runOnDisconnect: "" };
const PUBLISHER = { type: "rtspSession", id: "p-1", onEnd: () => {} };
const READER = { type: "webRTCSession", id: "r-1" };

function setUp(
  t: TestContext,
  hooks: Partial<PathHookSettings>,
  options: {
    /** Asked at each use: a test may change them. */ readonly confs?: readonly PathConf[];
    readonly connections?: Partial<ConnectionHookSettings>;
  } = {},
) {
  const log = new AwaitedLog();
  const sessions = new SessionRegistry();
  const registry = new PathRegistry({
    clock: new FakeClock(),
    log: silentLog,
    udpMaxPayloadBytes: 1452,
    authorize: () => Promise.resolve({ allowed: true, user: "" }),
    confs: options.confs ?? [pathConf("~^(\\w+)/(\\d)$")],
    nameFault: () => undefined,
  });
  const runner = new HookRunner({
    registry,
    sessions,
    settingsOf: () => ({ ...NO_PATH_HOOKS, ...hooks }),
    connections: () => ({ ...NO_CONNECTION_HOOKS, ...options.connections }),
    rtspPort: () => 8554,
    log,
    commands: { environment: lastingProgram },
  });
  const request = (action: AccessRequest["action"], query: string): AccessRequest => {
    const remote = { address: "127.0.0.1", port: 1 };
    return { action, path: "yard/7", protocol: "rtsp", remote, query, id: "", credentials: { kind: "none" } };
  };
  const publish = async (query: string) => {
    const lease = registry.openForPublish(await registry.permitPublish(request("publish", query)), PUBLISHER);
    lease.sink.ready([syntheticTrack()], "packets");
    return lease;
  };
  const read = (query: string) => registry.openForRead(request("read", query), new UnitTap(), READER);
  t.after(async () => {
    registry.close();
    await runner.close();
  });
  return { log, sessions, registry, runner, publish, read };
}

/** Prints its words once it is interrupted. */
const atInterrupt = (words: string): string => `$NODE -e $LASTS ${words}`;

test("available and online: who publishes, with which query; the un-commands get the same", async (t) => {
  const variables = `${PATH_VARIABLES} $MTX_QUERY $MTX_SOURCE_TYPE $MTX_SOURCE_ID`;
  const { log, publish } = setUp(t, {
    runOnAvailable: `echo available ${variables}`,
    runOnUnavailable: `echo unavailable ${variables}`,
    runOnOnline: `echo online ${variables}`,
    runOnOffline: `echo offline ${variables}`,
  });
  const lease = await publish("a=1&b=x y;$(id)");
  const told = "yard/7 yard/7 8554 g:yard,7 a%3D1%26b%3Dx+y%3B%24%28id%29 rtspSession p-1";
  await log.line(/^\[path yard\/7\] runOnAvailable command started$/);
  for (const event of ["available", "online"]) assert.match(await log.line(new RegExp(`\\] ${event} `)), endsWith(`${event} ${told}`));
  assert.ok(!log.lines.some((line) => /offline|unavailable/.test(line)));
  lease.close();
  for (const event of ["unavailable", "offline"]) assert.match(await log.line(new RegExp(`\\] ${event} `)), endsWith(`${event} ${told}`));
});

test("read and unread: once for each reader, with its own query; the command is interrupted", async (t) => {
  const variables = `${PATH_VARIABLES} $MTX_QUERY $MTX_READER_TYPE $MTX_READER_ID`;
  const { log, publish, read } = setUp(t, { runOnRead: atInterrupt(variables), runOnUnread: `echo unread ${variables}` });
  await publish("");
  const leases = [await read("n=0"), await read("n=1")];
  assert.deepEqual(log.lines, [], "they have not begun");
  for (const lease of leases) lease.start();
  await log.line(/\] ready/, 2);
  leases[1]!.close();
  const told = "yard/7 yard/7 8554 g:yard,7 n%3D1 webRTCSession r-1";
  assert.match(await log.line(/\] interrupted /), endsWith(`interrupted ${told}`));
  assert.match(await log.line(/\] unread /), endsWith(`unread ${told}`));
  leases[0]!.pause();
  assert.match(await log.line(/\] unread /, 2), /n%3D0/);
});

test("init: from the start of a path to its end", async (t) => {
  const { log, registry } = setUp(t, { runOnInit: atInterrupt(PATH_VARIABLES) }, { confs: [pathConf("cam"), pathConf("~^x")] });
  await log.line(/^\[path cam\] \[runOnInit\] ready/);
  registry.reload([pathConf("cam", { gopCache: false })]);
  registry.reload([]);
  assert.match(await log.line(/\] interrupted /), endsWith("interrupted cam cam 8554 g:,"));
  assert.equal(log.lines.filter((line) => line.includes("runOnInit command started")).length, 1, "a live setting changes nothing");
});

test("demand: the first reader's query; the command is interrupted when it is stopped, and the un-command launched", async (t) => {
  const variables = `${PATH_VARIABLES} $MTX_QUERY`;
  const { log, runner } = setUp(
    t,
    { runOnDemand: atInterrupt(variables), runOnUnDemand: `echo undemand ${variables}` },
    { confs: [pathConf("cam")] },
  );
  const { stop } = runner.demand("cam", "q=1");
  await log.line(/\] ready/);
  stop();
  assert.match(await log.line(/\] interrupted /), endsWith("cam cam 8554 g:, q%3D1"));
  assert.match(await log.line(/\] undemand /), endsWith("undemand cam cam 8554 g:, q%3D1"));
  await log.line(/runOnDemand command stopped/);
  runner.demand("not there", "").stop();
});

test("a pulled source, and one that was there before", async (t) => {
  const scripted = scriptedSource();
  const { log, registry } = setUp(
    t,
    { runOnOnline: "echo online $MTX_SOURCE_TYPE [$MTX_SOURCE_ID] [$MTX_QUERY]" },
    { confs: [pathConf("cam", { source: scripted.source })] },
  );
  scripted.last.ready();
  assert.match(await log.line(/\] online /), endsWith("online rtspSource [] []"));
  const later = new HookRunner({
    registry,
    sessions: new SessionRegistry(),
    settingsOf: () => ({ ...NO_PATH_HOOKS, runOnAvailable: "echo available later" }),
    connections: () => NO_CONNECTION_HOOKS,
    rtspPort: () => 0,
    log,
  });
  await log.line(/available later/);
  await later.close();
});

test("connections, and nothing else that is registered", async (t) => {
  const variables = "$MTX_CONN_TYPE $MTX_CONN_ID $RTSP_PORT [$MTX_PATH]";
  const connections = { runOnConnect: `echo connect ${variables}`, runOnDisconnect: `echo disconnect ${variables}` };
  const { log, sessions } = setUp(t, {}, { connections });
  const entry = (id: string, kind: SessionEntry["kind"]) => ({ id, kind }) as SessionEntry;
  const [session, connection] = [entry("s-1", "rtspSession"), entry("c-1", "rtspConn")];
  for (const one of [session, connection]) sessions.add(one);
  assert.match(await log.line(/\] connect /), /^\[rtspConn c-1\] \[runOnConnect\] connect rtspConn c-1 8554 \[\]$/);
  for (const one of [session, connection]) sessions.remove(one);
  assert.match(await log.line(/\] disconnect /), endsWith("disconnect rtspConn c-1 8554 []"));
  assert.ok(!log.lines.some((line) => line.includes("s-1")));
});

test("other settings: a command that is another one takes the place of the one that runs, the rest goes on; nothing has ended", async (t) => {
  const hooks: { -readonly [Name in keyof PathHookSettings]?: PathHookSettings[Name] } = {
    runOnInit: atInterrupt("same"),
    runOnAvailable: atInterrupt("first"),
    runOnUnavailable: "echo gone first",
  };
  const { log, registry, publish } = setUp(t, hooks);
  const lease = await publish("");
  await log.line(/\] ready/, 2);
  const update = () => registry.reload([pathConf("~^(\\w+)/(\\d)$", { gopCache: false })]);
  Object.assign(hooks, { runOnAvailable: atInterrupt("second"), runOnUnavailable: "echo gone second" });
  update();
  await log.line(/\] interrupted first/);
  await log.line(/\] ready second/);
  Object.assign(hooks, { runOnAvailable: "" });
  update();
  await log.line(/\] interrupted second/);
  assert.ok(!log.lines.some((line) => /\] gone|interrupted same/.test(line)));
  lease.close();
  await log.line(/\] gone second/);
  assert.equal(log.lines.filter((line) => line.includes("runOnInit command started")).length, 1);
});

test("other settings of connections, and another port: both are refreshed", async (t) => {
  const connections = { runOnConnect: atInterrupt("$MTX_CONN_ID first"), runOnDisconnect: "echo left $MTX_CONN_ID" };
  const { log, sessions, runner } = setUp(t, {}, { connections });
  const entry = { id: "c-1", kind: "rtspConn" } as SessionEntry;
  sessions.add(entry);
  await log.line(/\] ready c-1 first/);
  runner.refresh();
  connections.runOnConnect = atInterrupt("$MTX_CONN_ID second");
  runner.refresh();
  await log.line(/\] interrupted c-1 first/);
  await log.line(/\] ready c-1 second/);
  sessions.remove(entry);
  await log.line(/\] left c-1/);
  await log.line(/\] interrupted c-1 second/);
  assert.equal(log.lines.filter((line) => line.includes("left c-1")).length, 1);
  runner.refresh();
});

test("recorded files, also when the path is gone", async (t) => {
  const { log, registry, runner } = setUp(
    t,
    {
      runOnRecordSegmentCreate: "echo create $MTX_PATH $RTSP_PORT $MTX_SEGMENT_PATH",
      runOnRecordSegmentComplete: "printf [%s] complete $MTX_PATH $MTX_SEGMENT_PATH $MTX_SEGMENT_DURATION",
    },
    { confs: [pathConf("cam")] },
  );
  const segments = runner.segments(registry.get("cam")!);
  segments.created("/rec/cam/1.mp4");
  assert.match(await log.line(/\] create /), endsWith("create cam 8554 /rec/cam/1.mp4"));
  registry.reload([]);
  segments.completed("/rec/a b'$(id).mp4", 60.04);
  assert.match(await log.line(/\[complete\]/), endsWith("[complete][cam][/rec/a b'$(id).mp4][60.04]"));
});

function endsWith(text: string): RegExp {
  return new RegExp(`${text.replace(/[[\]$.*+?(){}|\\^]/g, "\\$&")}$`);
}
