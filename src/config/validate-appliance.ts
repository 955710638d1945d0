// What the appliance profile does not have: a device that ships with a password of its own starts no program for a config.

const HOOKS_OFF = "cannot be used: in the appliance profile hooks are off. To send a stream on to another server, use forward:";

/** `settings`: global ones, or those of a path. */
export function validateAppliance(settings: Readonly<Record<string, unknown>>, report: (field: string, message: string) => void): void {
  for (const [name, value] of Object.entries(settings)) {
    if (/^runOn/.test(name) && typeof value === "string" && value !== "") report(name, HOOKS_OFF);
  }
}
