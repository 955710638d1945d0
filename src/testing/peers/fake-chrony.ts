// A `chronyc` that says what a test wants: a time keeper for programs that are started with its folder on their PATH.
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestScope } from "./run-peer.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface FakeChrony {
  /** For the front of a PATH. */
  readonly folder: string;
  /** It vouches for the wall clock from now on; before, it does not. */
  synchronise(): Promise<void>;
}

export async function fakeChrony(scope: TestScope): Promise<FakeChrony> {
  const folder = await temporaryFolder(scope);
  const answer = join(folder, "answer");
  const tracking = (reference: string, leap: string): string => `${reference},,2,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.004,0.001,64.0,${leap}\n`;
  await writeFile(answer, tracking("00000000", "Not synchronised"));
  await writeFile(join(folder, "chronyc"), `#!/bin/sh\nexec cat '${answer}'\n`);
  await chmod(join(folder, "chronyc"), 0o755);
  return { folder, synchronise: () => writeFile(answer, tracking("C0A80001", "Normal")) };
}
