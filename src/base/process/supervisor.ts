// Whether something starts this process again when it ends.
import { readFileSync } from "node:fs";

/** `env` and `parentId` are those of the process; `init`: the name of process 1, where it can be told. */
export function isSupervised(env: Readonly<Record<string, string | undefined>>, parentId: number, init = initName()): boolean {
  // systemd names each start of a unit (systemd.exec(5), INVOCATION_ID): a child of its own without that lost its parent, and is nobody's.
  if ((env["INVOCATION_ID"] ?? "") !== "") return true;
  if (parentId === 1) return init !== "systemd";
  return parentId === 0; // in a container we are process 1
}

function initName(): string {
  try {
    return readFileSync("/proc/1/comm", "utf8").trim();
  } catch {
    return "";
  }
}
