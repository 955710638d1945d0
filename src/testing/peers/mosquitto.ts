// Debian's mosquitto as a broker of its own on a free port of loopback, and its clients.
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { freeTcpPort } from "../free-ports.ts";
import { findPeer, missingOf } from "./find-peer.ts";
import { type RunningPeer, runPeer, startPeer, type TestScope } from "./run-peer.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { until } from "./until.ts";

const broker = findPeer("mosquitto");
const publisher = findPeer("mosquitto_pub");
const subscriber = findPeer("mosquitto_sub");
const lineBuffer = findPeer("stdbuf");

export const mosquittoMissing = missingOf(broker, publisher, subscriber);

export interface MosquittoOptions {
  /** Lines of its config after the listener; without one everybody may do everything. */
  readonly config?: string;
  /** Where one was before. */
  readonly port?: number;
  /** Where its clients of the test connect; default: its port. */
  readonly clientPort?: number;
  /** Set where it listens with TLS: what its clients need. */
  readonly clientWords?: readonly string[];
}

export interface Mosquitto {
  readonly port: number;
  readonly process: RunningPeer;
  readonly folder: string;
  publish(topic: string, payload: string, words?: readonly string[]): Promise<void>;
  /** Messages as `<retained 0 or 1> <topic> <payload>` lines, from when it resolves on. */
  subscribe(...topics: readonly string[]): Promise<Subscription>;
}

export interface Subscription {
  readonly process: RunningPeer;
  messages(): readonly ReceivedMessage[];
  /** The first that fits, now or later. */
  wait(what: string, fits: (message: ReceivedMessage) => boolean): Promise<ReceivedMessage>;
}

export interface ReceivedMessage {
  readonly isRetained: boolean;
  readonly topic: string;
  readonly bytes: Buffer;
  /** As text; bytes that are none are lost. */
  readonly payload: string;
  /** Of JSON; undefined: it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: documents of every kind
  readonly json: any;
}

export async function startMosquitto(scope: TestScope, options: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = await temporaryFolder(scope);
  const port = options.port ?? (await freeTcpPort(0));
  const file = join(folder, "mosquitto.conf");
  const lines = options.config ?? "allow_anonymous true";
  await writeFile(file, `listener ${port} 127.0.0.1\nuser root\npersistence false\n${lines}\n`);
  const process = startPeer(scope, broker, ["-v", "-c", file], { timeoutMs: 120_000, cwd: folder });
  // Its listeners are opened one after the other.
  for (const one of new Set([port, options.clientPort ?? port])) await until(`a broker on port ${one}`, () => isOpen(one));
  let subscriptions = 0;
  const words = ["-h", "127.0.0.1", "-p", String(options.clientPort ?? port), ...(options.clientWords ?? [])];
  return {
    port,
    process,
    folder,
    async publish(topic, payload, more = []) {
      await runPeer(scope, publisher, [...words, "-V", "5", "-q", "1", "-t", topic, "-m", payload, ...more]);
    },
    async subscribe(...topics) {
      const name = `watcher-${++subscriptions}`;
      const filters = topics.flatMap((topic) => ["-t", topic]);
      // To a pipe it writes in blocks by itself.
      const running = startPeer(
        scope,
        lineBuffer,
        ["-oL", subscriber.file, ...words, "-i", name, "-q", "1", "-F", "#%r %t %x", ...filters],
        {
          timeoutMs: 120_000,
        },
      );
      await until("its subscription", () => process.stderr.includes(`Sending SUBACK to ${name}\n`));
      return subscriptionOf(running);
    },
  };
}

function subscriptionOf(process: RunningPeer): Subscription {
  const messages = (): readonly ReceivedMessage[] =>
    [...process.stdout.toString("latin1").matchAll(/^#([01]) (\S+) ([0-9a-f]*)$/gm)].map(([, retained, topic, hex]) => {
      const bytes = Buffer.from(hex!, "hex");
      const payload = bytes.toString("utf8");
      return { isRetained: retained === "1", topic: topic!, bytes, payload, json: jsonOf(payload) };
    });
  return { process, messages, wait: (what, fits) => until(what, () => messages().find(fits)) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
