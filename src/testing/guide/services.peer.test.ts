// The program as a service, by the unit and the init script of a guide, at the places that they name: in a mount namespace, whose /usr and /etc are ours.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { bundle } from "../../../scripts/bundle.ts";
import { freeTcpPort } from "../free-ports.ts";
import { findPeer } from "../peers/find-peer.ts";
import { type RunningPeer, startPeer, type TestScope } from "../peers/run-peer.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const NO_NAMESPACE = "mount namespaces with an overlay are not to be had here";

/** $1: an empty folder. What is written to /usr and /etc from now on lies in memory, and is gone with the last process. */
const OWN_TREE = `
mount -t tmpfs tmpfs "$1"
for tree in usr etc; do
  mkdir -p "$1/$tree/upper" "$1/$tree/work"
  mount -t overlay overlay -o "lowerdir=/$tree,upperdir=$1/$tree/upper,workdir=$1/$tree/work" "/$tree"
done
`;

const UNIT = `[Unit]
Wants=network.target
[Service]
ExecStart=/usr/local/bin/mediamtx /usr/local/etc/mediamtx.yml
[Install]
WantedBy=multi-user.target
`;

const INIT_SCRIPT = `#!/bin/sh /etc/rc.common
USE_PROCD=1
START=95
STOP=01
start_service() {
    procd_open_instance
    procd_set_param command /usr/bin/mediamtx
    procd_set_param stdout 1
    procd_set_param stderr 1
    procd_close_instance
}
`;

/** In the place of OpenWrt's: says what procd would be told. */
const RC_COMMON = `#!/bin/sh
procd_open_instance() { echo 'instance {'; }
procd_set_param() { name=$1; shift; echo "$name: $*"; }
procd_close_instance() { echo '}'; }
. "$1"
"$2_service"
`;

const unshare = findPeer("unshare");
const systemd = findPeer("systemd-analyze");

async function hasNamespaces(): Promise<boolean> {
  if (unshare.missing !== false) return false;
  const folder = await mkdtemp(join(tmpdir(), "camgate-tree-"));
  const { status } = spawnSync(unshare.file, ["-rm", "sh", "-euc", OWN_TREE, "sh", folder]);
  await rm(folder, { recursive: true });
  return status === 0;
}

const skip = (await hasNamespaces()) ? false : NO_NAMESPACE;

interface Tree {
  /** Runs a script in the namespace; `$PROGRAM`, `$CONFIG`, `$UNIT`, `$INIT`, `$RC` name files to put in place. */
  run(script: string): RunningPeer;
  readonly port: number;
}

async function makeTree(t: TestScope, program: string): Promise<Tree> {
  const folder = await temporaryFolder(t);
  const port = await freeTcpPort(0);
  const off = ["rtmp", "hls", "webrtc", "srt", "moq"].map((name) => `${name}: no\n`).join("");
  const config = `rtspAddress: 127.0.0.1:${port}\nrtspTransports: [tcp]\n${off}paths: {all_others: {}}\n`;
  const files = { CONFIG: config, UNIT, INIT: INIT_SCRIPT, RC: RC_COMMON };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  await mkdir(join(folder, "tree"));
  const names = Object.fromEntries(Object.keys(files).map((name) => [name, join(folder, name)]));
  const path = `${dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`;
  return {
    port,
    run: (script) =>
      startPeer(t, unshare, ["-rm", "sh", "-euc", OWN_TREE + script, "sh", join(folder, "tree")], {
        env: { ...names, PROGRAM: program, PATH: path },
        cwd: "/",
        timeoutMs: 60_000,
      }),
  };
}

/** It serves where its config says, and ends by SIGTERM in order. */
async function assertServes(running: RunningPeer, port: number): Promise<void> {
  await running.match(new RegExp(`INF \\[RTSP\\] listener opened on 127\\.0\\.0\\.1:${port}`));
  process.kill(running.pid, "SIGTERM");
  assert.deepEqual(await running.exited, { code: 0, signal: null });
  assert.equal(running.stderr, "");
}

describe("as a service", { skip }, () => {
  let dist: string;
  let program: string;
  before(async () => {
    dist = await mkdtemp(join(tmpdir(), "camgate-dist-"));
    program = await bundle(dist);
  });
  after(() => rm(dist, { recursive: true }));

  test("systemd finds nothing wrong with the unit, and its command serves", { skip: systemd.missing }, async (t) => {
    const tree = await makeTree(t, program);
    const install = `
ln -s "$PROGRAM" /usr/local/bin/mediamtx
cp "$CONFIG" /usr/local/etc/mediamtx.yml
mkdir -p /etc/systemd/system
cp "$UNIT" /etc/systemd/system/mediamtx.service
`;
    const verified = tree.run(`${install}exec systemd-analyze verify /etc/systemd/system/mediamtx.service`);
    assert.deepEqual(await verified.exited, { code: 0, signal: null }, verified.stderr);
    assert.doesNotMatch(verified.stderr, /mediamtx/);
    const running = tree.run(`${install}exec $(sed -n 's/^ExecStart=//p' /etc/systemd/system/mediamtx.service)`);
    await running.match(/configuration loaded from \/usr\/local\/etc\/mediamtx\.yml/);
    await assertServes(running, tree.port);
  });

  test("OpenWrt's init script names a command that finds its config by itself, and logs to its output", async (t) => {
    const tree = await makeTree(t, program);
    const install = `
ln -s "$PROGRAM" /usr/bin/mediamtx
mkdir -p /usr/etc /etc/init.d
cp "$CONFIG" /usr/etc/mediamtx.yml
cp "$INIT" /etc/init.d/mediamtx
cp "$RC" /etc/rc.common
chmod +x /etc/init.d/mediamtx /etc/rc.common
`;
    const told = tree.run(`${install}exec /etc/init.d/mediamtx start`);
    assert.deepEqual(await told.exited, { code: 0, signal: null }, told.stderr);
    const text = told.stdout.toString("utf8");
    assert.equal(text, "instance {\ncommand: /usr/bin/mediamtx\nstdout: 1\nstderr: 1\n}\n");
    const running = tree.run(`${install}exec ${/^command: (.*)$/m.exec(text)![1]}`);
    await running.match(/configuration loaded from \/usr\/etc\/mediamtx\.yml/);
    await assertServes(running, tree.port);
  });
});
