// libfaketime: a wall clock for one program, moved from outside while it runs. Its monotonic clock stays the machine's.
import { readdirSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestScope } from "./run-peer.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const LIBRARY = "libfaketime.so.1";

export interface Faketime {
  /** What to hand to `test(…, { skip: faketime.missing })`: why it is not there, or false. */
  readonly missing: string | false;
  readonly library: string;
}

/** Looks where Debian puts it. Missing in CI it throws, as any peer that a distribution ships. */
export function findFaketime(): Faketime {
  const library = ["/usr/lib", "/usr/lib64"].flatMap(librariesUnder)[0];
  if (library !== undefined) return { missing: false, library };
  if (process.env["CI"] === "true") throw new Error("libfaketime is not installed, and CI tests with it");
  return { missing: "libfaketime is not installed", library: "" };
}

/** `/usr/lib/<architecture>/faketime/` and `/usr/lib/faketime/`. */
function librariesUnder(folder: string): string[] {
  const holds = (path: string): boolean => listed(path).includes(LIBRARY);
  const candidates = [join(folder, "faketime"), ...listed(folder).map((name) => join(folder, name, "faketime"))];
  return candidates.filter(holds).map((path) => join(path, LIBRARY));
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The wall clock of the programs that are started with `env`. */
export interface FakeWallClock {
  readonly env: Readonly<Record<string, string>>;
  /** Sets it to the machine's own, that many seconds off; programs that run see it at once. */
  set(offsetSeconds: number): Promise<void>;
}

export async function fakeWallClock(scope: TestScope, { library }: Faketime, offsetSeconds: number): Promise<FakeWallClock> {
  const file = join(await temporaryFolder(scope), "offset");
  const set = async (seconds: number): Promise<void> => {
    // Renamed: a program that looks while it is written would see an empty file.
    await writeFile(`${file}.new`, `${seconds < 0 ? "-" : "+"}${Math.abs(seconds)}\n`);
    await rename(`${file}.new`, file);
  };
  await set(offsetSeconds);
  const env = { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: "1", DONT_FAKE_MONOTONIC: "1" };
  return { env, set };
}
