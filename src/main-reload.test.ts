// The program and its config file: edited, broken, mended; changes over the API that outlive the program, however it ends.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { seededRandom } from "#testing/mutate.ts";
import { until } from "#testing/peers/until.ts";
import { type ReloadFolder, reloadFolder } from "#testing/reload-site.ts";
import { ScriptedCamera } from "#testing/scripted-camera.ts";
import { WatchedReader } from "#testing/watched-reader.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

interface Program {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  printed(): string;
  /** How often a line with this text was printed. */
  count(text: string): number;
  end(signal: NodeJS.Signals): Promise<void>;
}

function run(t: TestContext, folder: string, words: readonly string[]): Program {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:MTX|RTSP|CAMGATE)_/.test(name)));
  const child = spawn(process.execPath, [MAIN, ...words], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  const closed = once(child, "close");
  t.after(async () => {
    child.kill("SIGKILL");
    await closed;
  });
  return {
    child,
    printed: () => text,
    count: (wanted) => text.split(wanted).length - 1,
    async end(signal) {
      child.kill(signal);
      await closed;
    },
  };
}

/** A gateway whose API answers. */
async function start(t: TestContext, { folder }: ReloadFolder): Promise<Program> {
  const program = run(t, folder, ["camgate.yml"]);
  await until("the API", () => program.child.exitCode !== null || program.count("[API] listener opened") > 0);
  assert.equal(program.child.exitCode, null, program.printed());
  return program;
}

async function withApi(t: TestContext): Promise<{ site: ReloadFolder; api: string; head: string }> {
  const site = await reloadFolder(t);
  const port = await site.freePort();
  return { site, api: `http://127.0.0.1:${port}/v3`, head: `api: yes\napiAddress: 127.0.0.1:${port}\n` };
}

async function send(method: string, url: string, body: unknown): Promise<number> {
  const response = await fetch(url, { method, body: JSON.stringify(body) });
  await response.text();
  return response.status;
}

test("an edit of the file is taken by itself, a typo is refused and changes nothing, SIGHUP reads again; a reader notices nothing", async (t) => {
  const camera = await ScriptedCamera.start({ frameMs: 5 });
  t.after(() => camera.close());
  const { site, api, head } = await withApi(t);
  const cam = `paths:\n  cam: {source: '${camera.url("stream", "admin:s3cret")}'}\n`;
  await site.write(head + cam);
  const program = await start(t, site);
  await until("the camera", () => program.count("stream is available") > 0);
  const reader = await WatchedReader.start(site.port, "cam");
  t.after(() => reader.close());

  await site.write(`${head + cam}  more: {}\n`);
  await until("the reload", () => program.count("configuration reloaded from camgate.yml") === 1);
  assert.equal((await fetch(`${api}/paths/get/more`)).status, 200);

  await site.write(`${head}logLevl: debug\n${cam}`);
  await until(
    "the refusal",
    () => program.count("was not reloaded, the one of before runs on: camgate.yml:8: logLevl: unknown setting") === 1,
  );
  assert.equal((await fetch(`${api}/paths/get/more`)).status, 200);

  await site.write(`${head}logLevel: debug\nlogStructured: yes\n${cam}`);
  await until(
    "the mended file, in the new form of the log",
    () => program.count('"message":"configuration reloaded from camgate.yml"') === 1,
  );
  program.child.kill("SIGHUP");
  await until("SIGHUP", () => program.count("configuration reloaded from camgate.yml") === 3);
  await reader.noticesNothing("three reloads and a typo");
  assert.equal(camera.of("PLAY").length, 1);
  assert.ok(!program.printed().includes("s3cret"));
  await program.end("SIGTERM");
  assert.equal(program.child.exitCode, 0);
});

test("changes over the API outlive the program, and are told where they come from; by default they do not", async (t) => {
  const { site, api, head } = await withApi(t);
  const persistent = `apiPersist: yes\n${head}readTimeout: 20s\npaths:\n  gate: {}\n`;
  await site.write(persistent);
  const first = await start(t, site);
  assert.equal(
    await send("POST", `${api}/config/paths/add/new`, { source: "rtsp://admin:s3cret@127.0.0.1:1/x", sourceOnDemand: true }),
    200,
  );
  assert.equal(await send("PATCH", `${api}/config/global/patch`, { readTimeout: "7s" }), 200);
  assert.equal(await send("DELETE", `${api}/config/paths/delete/gate`, {}), 200);
  const overlay = join(site.folder, "data", "overlay.yml");
  assert.match(await readFile(overlay, "utf8"), /^readTimeout: 7s$/m);
  assert.equal((await stat(overlay)).mode & 0o777, 0o600);
  await first.end("SIGTERM");

  const shown = run(t, site.folder, ["config", "show", "--origins", "camgate.yml"]);
  await once(shown.child, "close");
  assert.match(shown.printed(), /^readTimeout: 7s {2}# overlay$/m);
  assert.match(shown.printed(), /^ {4}source: "?rtsp:\/\/admin:<redacted>@127\.0\.0\.1:1\/x"? {2}# overlay$/m);
  assert.ok(!/s3cret|gate:/.test(shown.printed()));

  const second = await start(t, site);
  const names = async (): Promise<string[]> => {
    const list = (await (await fetch(`${api}/config/paths/list`)).json()) as { items: { name: string }[] };
    return list.items.map(({ name }) => name);
  };
  assert.deepEqual(await names(), ["new"]);
  await second.end("SIGTERM");

  await site.write(persistent.replace("apiPersist: yes\n", "").replace("20s", "21s"));
  const third = await start(t, site);
  assert.deepEqual(await names(), ["gate"], "nothing of it is read");
  assert.equal(third.count(`${overlay} is not read`), 1);
  assert.equal(await send("POST", `${api}/config/paths/add/lost`, {}), 200);
  await third.end("SIGKILL");

  await site.write(persistent.replace("20s", "21s"));
  const fourth = await start(t, site);
  assert.deepEqual(await names(), ["new"]);
  assert.equal(fourth.count("the file was edited: what the API had set of readTimeout is dropped"), 1);
});

test("what is damaged in the kept changes keeps nobody from starting, and is not thrown away", async (t) => {
  const { site, api, head } = await withApi(t);
  await site.write(`apiPersist: yes\n${head}`);
  const first = await start(t, site);
  assert.equal(await send("POST", `${api}/config/paths/add/one`, {}), 200);
  await first.end("SIGTERM");
  const overlay = join(site.folder, "data", "overlay.yml");
  const damaged = `${await readFile(overlay, "utf8")}\n]]]`;
  await writeFile(overlay, damaged);
  const second = await start(t, site);
  assert.equal(second.count("cannot be taken, changes over the API are lost"), 1);
  assert.equal(await readFile(`${overlay}.refused`, "utf8"), damaged);
  assert.equal(await send("POST", `${api}/config/paths/add/two`, {}), 200);
  assert.match(await readFile(overlay, "utf8"), /^ {2}two: \{\}$/m);
});

test("killed at any moment: what was answered is there, and nothing is half there", async (t) => {
  const { site, api, head } = await withApi(t);
  await site.write(`apiPersist: yes\n${head}`);
  const random = seededRandom(5);
  const answered = new Set<string>();
  for (let round = 0; round < 5; round++) {
    const program = await start(t, site);
    const list = (await (await fetch(`${api}/config/paths/list?itemsPerPage=10000`)).json()) as {
      items: { name: string; maxReaders: number }[];
    };
    const found = new Map(list.items.map(({ name, maxReaders }) => [name, maxReaders]));
    for (const name of answered) assert.equal(found.get(name), 7, `${name} after ${round} kills`);
    let isDead = false;
    let kill: NodeJS.Timeout | undefined;
    for (let i = 0; !isDead; i++) {
      const name = `r${round}n${i}`;
      const status = await send("POST", `${api}/config/paths/add/${name}`, { maxReaders: 7 }).catch(() => undefined);
      if (status === undefined) continue; // dead, or the connection is one of the run before
      assert.equal(status, 200);
      answered.add(name);
      kill ??= setTimeout(() => {
        isDead = true;
        program.child.kill("SIGKILL");
      }, random(150));
    }
    clearTimeout(kill);
    await program.end("SIGKILL");
  }
  assert.ok(answered.size >= 5, `${answered.size} changes`);
});
