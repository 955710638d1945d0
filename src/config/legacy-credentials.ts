// The credentials that old configs have in each path (`publishUser`, `readPass`, …), as entries of authInternalUsers.

import { type Leaf, originPlace } from "./layer.ts";
import type { MergedSettings } from "./merge-layers.ts";
import type { InternalUser, Permission } from "./object-types.table.ts";
import { catchAllNames } from "./path-name.ts";
import type { Problems } from "./problem.ts";

const names = ["publishUser", "publishPass", "publishIPs", "readUser", "readPass", "readIPs"];

/** The settings with those credentials moved to authInternalUsers, or as they are where there are none. Both together are refused. */
export function withLegacyCredentials(settings: MergedSettings, problems: Problems): MergedSettings {
  const first = [settings.pathDefaults, ...settings.paths.values()]
    .flatMap((leaves) => names.map((name) => leaves.get(name)))
    .find((leaf) => leaf !== undefined);
  if (first === undefined) {
    return settings;
  }
  const users = settings.global.get("authInternalUsers")!;
  if (users.origin.kind !== "default") {
    problems.error(
      originPlace(first.origin),
      "authInternalUsers",
      "cannot be used together with credentials in paths (publishUser, readUser, …)",
    );
    return settings;
  }
  const list: InternalUser[] = [];
  if (settings.profile === "dropIn") {
    list.push(user("any", "", [], { action: "playback", path: "" }), ...(users.value as readonly InternalUser[]).slice(1));
  }
  for (const path of [...settings.paths.keys()].sort()) {
    for (const action of ["publish", "read"] as const) {
      const value = (name: string): unknown => (settings.paths.get(path)?.get(name) ?? settings.pathDefaults.get(name))?.value;
      const name = (value(`${action}User`) as string | undefined) || "any";
      const pass = (value(`${action}Pass`) as string | undefined) ?? "";
      if (name === "any" && pass !== "") {
        problems.error(originPlace(first.origin), `paths.${path}.${action}Pass`, `needs ${action}User: everybody cannot have a password`);
      }
      const ips = (value(`${action}IPs`) as readonly string[] | undefined) ?? [];
      list.push(user(name, pass, ips, { action, path: catchAllNames.has(path) ? "~^.*$" : path }));
    }
  }
  const leaf: Leaf = { value: list, origin: first.origin };
  return { ...settings, global: new Map([...settings.global, ["authInternalUsers", leaf]]) };
}

function user(name: string, pass: string, ips: readonly string[], permission: Permission): InternalUser {
  return { user: name, pass, ips, permissions: [permission] };
}
