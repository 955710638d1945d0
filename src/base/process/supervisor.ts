// Whether something starts this process again when it ends.

/** `env` and `parentId` are those of the process. */
export function isSupervised(env: Readonly<Record<string, string | undefined>>, parentId: number): boolean {
  // systemd names each start of a unit (systemd.exec(5), INVOCATION_ID). OpenWrt's procd and other inits are process 1, and in a container we are: no parent.
  return (env["INVOCATION_ID"] ?? "") !== "" || parentId <= 1;
}
