// Argon2 in WebAssembly on a thread of its own, for a Node without it (20 and 22): media go on while a password is checked. This file is both
// sides: imported it starts the thread, started as the thread it computes one hash.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { argon2i, argon2id } from "hash-wasm";
import type { Argon2Input } from "./argon2.ts";

const ROLE = "camgate-argon2";

interface Job {
  readonly role: typeof ROLE;
  readonly input: Argon2Input;
}

/** Rejects when the thread fails, for instance for lack of memory. */
export function argon2InWorker(input: Argon2Input): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const job: Job = { role: ROLE, input };
    const worker = new Worker(new URL(import.meta.url), { workerData: job });
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the hashing thread ended without a result")));
  });
}

async function computeHash({ variant, password, salt, lanes, passes, memoryKiB, hashBytes }: Argon2Input): Promise<Uint8Array> {
  const compute = variant === "argon2id" ? argon2id : argon2i;
  return compute({
    password,
    salt,
    parallelism: lanes,
    iterations: passes,
    memorySize: memoryKiB,
    hashLength: hashBytes,
    outputType: "binary",
  });
}

if (!isMainThread && (workerData as Partial<Job> | null)?.role === ROLE) {
  parentPort?.postMessage(await computeHash((workerData as Job).input));
}
