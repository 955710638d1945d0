// Which of an image's two slots runs, and whether it is to stay: told by whoever booted it. Elsewhere nothing is.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface ImageSlot {
  /** As RAUC names it: A or B. */
  readonly slot: string;
  /** Undefined: the image does not say. */
  readonly state: "good" | "probation" | undefined;
}

/** Written by the image when it has booted, and again when the slot is marked as good. */
const STATE_FILE = "run/camgate/slot-state";

/** `root`: `/`. Undefined: this is no image of two slots. */
export async function readImageSlot(root: string): Promise<ImageSlot | undefined> {
  // RAUC's manual, "Kernel command line": its boot script says which one it chose.
  const commandLine = await readFile(join(root, "proc/cmdline"), "utf8").catch(() => "");
  const slot = /(?:^|\s)rauc\.slot=([A-Za-z0-9_-]{1,16})(?:\s|$)/.exec(commandLine)?.[1];
  if (slot === undefined) return undefined;
  const state = (await readFile(join(root, STATE_FILE), "utf8").catch(() => "")).trim();
  return { slot, state: state === "good" || state === "probation" ? state : undefined };
}
