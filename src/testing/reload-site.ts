// A gateway with a config file, as the program starts it: for tests of what a change of the file or over the API does.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Config } from "#config/config.ts";
import { loadLayers } from "#config/load-config.ts";
import { loadStartConfig } from "#config/load-start.ts";
import { type CollectedLog, collectedLog } from "./collected-log.ts";
import { freeTcpPort, freeUdpPortPair } from "./free-ports.ts";

/** What a gateway is started with. */
export interface ReloadSource extends ReturnType<typeof loadStartConfig> {
  readonly config: Config;
  reread(): ReturnType<typeof loadLayers>;
}

export interface ReloadFolder {
  readonly folder: string;
  readonly file: string;
  readonly log: CollectedLog;
  readonly port: number;
  /** The listeners on ports of their own, and where camgate keeps what it keeps: every config here begins so. */
  readonly head: string;
  freePort(): Promise<number>;
  /** Writes the file: the head, and the rest as given. */
  write(rest: string): Promise<void>;
  /** Reads it as the program does at its start. */
  load(): ReloadSource;
}

export async function reloadFolder(t: TestContext): Promise<ReloadFolder> {
  const folder = await mkdtemp(join(tmpdir(), "camgate-reload-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const given = new Set<number>();
  const freePort = async (): Promise<number> => {
    let port = await freeTcpPort(0);
    while (given.has(port)) port = await freeTcpPort(0);
    given.add(port);
    return port;
  };
  const [port, rtp] = [await freePort(), await freeUdpPortPair(0)];
  const head = `rtspAddress: 127.0.0.1:${port}
rtpAddress: 127.0.0.1:${rtp}
rtcpAddress: 127.0.0.1:${rtp + 1}
webrtc: no
dataDirectory: ${folder}/data
`;
  const file = join(folder, "camgate.yml");
  const options = { file, env: {} };
  return {
    folder,
    file,
    log: collectedLog(),
    port,
    head,
    freePort,
    write: (rest) => writeFile(file, (/^webrtc:/m.test(rest) ? head.replace("webrtc: no\n", "") : head) + rest),
    load() {
      const loaded = loadStartConfig(options);
      const { config } = loaded;
      assert.ok(config !== undefined, JSON.stringify(loaded.problems));
      return { ...loaded, config, reread: () => loadLayers(options) };
    },
  };
}
