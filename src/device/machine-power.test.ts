// Who is asked to boot the machine anew, and what is said where nobody does.
import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { CallerFault } from "#base/errors.ts";
import { temporaryFolder } from "#testing/peers/temporary-folder.ts";
import { machinePower, type PowerPort } from "./machine-power.ts";

/** By program: what it says when it fails; null: it does as asked. */
function portWith(programs: Readonly<Record<string, string | null>>): PowerPort & { readonly ran: string[] } {
  const ran: string[] = [];
  return {
    ran,
    find: async (program) => (program in programs ? `/bin/${program}` : undefined),
    async run(file, args) {
      ran.push([file, ...args].join(" "));
      const said = programs[file.slice("/bin/".length)];
      if (typeof said === "string") throw new Error(said);
    },
  };
}

test("systemd is asked where it runs, else whatever is called reboot", async () => {
  const systemctl = "/bin/systemctl --no-ask-password --no-wall reboot";
  for (const [programs, ran] of [
    [{ systemctl: null, reboot: null }, [systemctl]],
    [{ reboot: null }, ["/bin/reboot"]],
    [
      { systemctl: "System has not been booted with systemd as init system (PID 1). Can't operate.", reboot: null },
      [systemctl, "/bin/reboot"],
    ],
  ] as const) {
    const port = portWith(programs);
    await machinePower(port).reboot();
    assert.deepEqual(port.ran, ran);
  }
});

test("a refusal is told in the program's own words, and nobody is asked behind its back", async () => {
  const port = portWith({ systemctl: "Call to Reboot failed: Interactive authentication required.", reboot: null });
  await assert.rejects(machinePower(port).reboot(), (error: CallerFault) => {
    assert.match(error.message, /cannot be rebooted: systemctl refuses: .*Interactive authentication required/);
    assert.match(error.cure!, /polkit/);
    return error.code === "unauthorized";
  });
  assert.equal(port.ran.length, 1);
  await assert.rejects(machinePower(portWith({})).reboot(), /neither systemctl nor reboot/);
});

test("programs are really run, without a shell", async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, "reboot");
  await writeFile(file, `#!/bin/sh\necho "$0 $#" > '${folder}/ran'\n`);
  await chmod(file, 0o755);
  const before = process.env["PATH"];
  t.after(() => {
    process.env["PATH"] = before;
  });
  // systemctl may be there too; in its place stands one that says it has no systemd.
  await writeFile(join(folder, "systemctl"), "#!/bin/sh\necho 'Failed to connect to bus: No such file or directory' >&2\nexit 1\n");
  await chmod(join(folder, "systemctl"), 0o755);
  process.env["PATH"] = `${folder}:${before}`;
  await machinePower().reboot();
  assert.equal(await readFile(join(folder, "ran"), "utf8"), `${file} 0\n`);
  await writeFile(file, "#!/bin/sh\nexit 3\n");
  await assert.rejects(machinePower().reboot(), /reboot refuses: it ended with 3/);
});
