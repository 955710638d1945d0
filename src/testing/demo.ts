// `npm run demo`: simulated cameras and a gateway that pulls them, each a process of its own, until Ctrl-C.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { deferred } from "#base/deferred.ts";
import { errorText } from "#base/errors.ts";
import { DemoProgram } from "./demo-program.ts";
import { type DemoSite, demoConfig, demoScreen } from "./demo-text.ts";
import { freeTcpPort, freeUdpPort, freeUdpPortPair } from "./free-ports.ts";

const CAMERA_COUNT = 4;
const USUAL_PORTS = { rtsp: 8554, rtp: 8000, playback: 9996, web: 8889, media: 8189, mqtt: 1883 } as const;
const READY_TIMEOUT_MS = 30_000;
const PARENT_LOOK_MS = 500;
const USAGE = "usage: npm run demo -- [--any-port]";

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Everything that has to be gone in the end: the programs, and the folder of the config and the recordings. */
class Demo {
  readonly folder = mkdtempSync(join(tmpdir(), "camgate-demo-"));
  readonly #programs: DemoProgram[] = [];
  readonly #failure = deferred<never>();
  #closed = false;

  constructor() {
    this.failure.catch(() => {});
  }

  /** Rejects with the reason why the demo cannot go on. */
  get failure(): Promise<never> {
    return this.#failure.promise;
  }

  /** `file` counts from here. Throws when the demo is over. */
  start(name: string, file: string, args: readonly string[]): DemoProgram {
    if (this.#closed) throw new Error("the demo is over");
    const program = new DemoProgram(name, fileURLToPath(new URL(file, import.meta.url)), args);
    this.#programs.push(program);
    void program.ended.then((how) => this.fail(`${name} ended by itself (${how})`));
    return program;
  }

  /** With what the programs printed last. */
  fail(reason: string): void {
    const lines = this.#programs.flatMap((program) => program.lastLines);
    this.#failure.reject(new Error([...lines, reason].join("\n")));
  }

  /** In reverse order: the gateway, then its cameras. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const program of this.#programs.toReversed()) await program.stop();
    this.abandon();
  }

  /** For an exit that waits for nothing. */
  abandon(): void {
    for (const program of this.#programs) program.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Starts both programs; the screen is printed when every path can be read and recordings are served, and the gateway's log from then on. */
async function startAll(demo: Demo, anyPort: boolean): Promise<void> {
  const late = setTimeout(() => demo.fail(`no pictures within ${READY_TIMEOUT_MS / 1000} s`), READY_TIMEOUT_MS).unref();
  const cameras = demo.start("the cameras' process", "camera/main.ts", ["--port", "0", "--count", String(CAMERA_COUNT)]);
  const cameraUrls = await cameras.matches(/^(rtsp:\S+)$/, CAMERA_COUNT);
  const rtspPort = await freeTcpPort(anyPort ? 0 : USUAL_PORTS.rtsp);
  const rtpPort = await freeUdpPortPair(anyPort ? 0 : USUAL_PORTS.rtp);
  const playbackPort = await freeTcpPort(anyPort ? 0 : USUAL_PORTS.playback);
  const webPort = await freeTcpPort(anyPort ? 0 : USUAL_PORTS.web);
  const mediaPort = await freeUdpPort(anyPort ? 0 : USUAL_PORTS.media);
  const broker = demo.start("the broker's process", "demo-broker.ts", [String(await freeTcpPort(anyPort ? 0 : USUAL_PORTS.mqtt))]);
  const [brokerUrl = ""] = await broker.matches(/^(mqtt:\S+)$/, 1);
  const { folder } = demo;
  const site: DemoSite = { brokerUrl, rtspPort, rtpPort, playbackPort, webPort, mediaPort, folder, cameraUrls };
  mkdirSync(join(folder, "ring"));
  const configFile = join(folder, "camgate.yml");
  writeFileSync(configFile, demoConfig(site));
  const gateway = demo.start("the gateway's process", "../main.ts", [configFile]);
  await Promise.all([
    gateway.matches(/\[path (\S+)\] stream is available/, CAMERA_COUNT),
    gateway.matches(/\[playback\] listener opened on (\S+)/, 1),
    gateway.matches(/\[WebRTC\] listener opened on (\S+)/, 1),
    gateway.matches(/\[MQTT\] connected to (\S+)/, 1),
  ]);
  clearTimeout(late);
  if (!anyPort && rtspPort !== USUAL_PORTS.rtsp) say(`TCP port ${USUAL_PORTS.rtsp} is taken: the gateway listens on ${rtspPort}.`);
  if (!anyPort && rtpPort !== USUAL_PORTS.rtp) say(`UDP port ${USUAL_PORTS.rtp} or the next is taken: the gateway uses ${rtpPort}.`);
  if (!anyPort && playbackPort !== USUAL_PORTS.playback)
    say(`TCP port ${USUAL_PORTS.playback} is taken: recordings are at ${playbackPort}.`);
  if (!anyPort && webPort !== USUAL_PORTS.web) say(`TCP port ${USUAL_PORTS.web} is taken: the page is at ${webPort}.`);
  say(demoScreen(site, { configFile, gatewayPid: gateway.pid, camerasPid: cameras.pid, brokerPid: broker.pid }));
  gateway.onLine(say);
}

/** Resolves when nobody wants the demo any more. */
function stopWish(): Promise<"stopped"> {
  return new Promise((resolve) => {
    const stop = (): void => resolve("stopped");
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
    process.stdout.on("error", stop); // whoever read it is gone
    // npm passes a signal on to the shell between us, which ends without a word.
    const parent = process.ppid;
    const look = (): void => void (process.ppid !== parent && stop());
    if (process.env["npm_lifecycle_event"] !== undefined) setInterval(look, PARENT_LOOK_MS).unref();
  });
}

/** Resolves with the exit code. */
async function runDemo(anyPort: boolean): Promise<number> {
  const stopped = stopWish();
  const demo = new Demo();
  process.on("exit", () => demo.abandon());
  try {
    const early = await Promise.race([startAll(demo, anyPort), demo.failure, stopped]);
    if (early !== "stopped") await Promise.race([demo.failure, stopped]);
    return 0;
  } catch (error) {
    process.stderr.write(`${errorText(error)}\n`);
    return 1;
  } finally {
    await demo.close();
  }
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const { values } = parseArgs({ args: [...args], options: { "any-port": { type: "boolean", default: false } } });
    return await runDemo(values["any-port"]);
  } catch (error) {
    process.stderr.write(`${errorText(error)}\n${USAGE}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
