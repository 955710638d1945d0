// A folder for the files of one test.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestScope } from "./run-peer.ts";

/** Removed, with all that is in it, when the test ends. */
export async function temporaryFolder(scope: TestScope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "camgate-peers-"));
  scope.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
