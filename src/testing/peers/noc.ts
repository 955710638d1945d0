// `camgate noc` as an operator starts it: a program of its own, with what it needs to know in the environment.
import { fileURLToPath } from "node:url";
import type { Peer } from "./find-peer.ts";
import { type RunningPeer, startPeer, type TestScope } from "./run-peer.ts";

const camgate: Peer = { name: "camgate noc", file: process.execPath, missing: false };
const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

export function startNoc(scope: TestScope, words: readonly string[], env: Readonly<Record<string, string>>): RunningPeer {
  return startPeer(scope, camgate, [MAIN, "noc", ...words], { env, timeoutMs: 120_000 });
}
