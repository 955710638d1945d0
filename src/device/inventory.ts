// What the machine is made of: asked once, since it does not change while it runs, and asking starts programs. The only file that knows systeminformation.
import { arch, networkInterfaces, release, totalmem } from "node:os";
import { cpu, diskLayout, osInfo, system } from "systeminformation";

/** Absent: nobody says. */
export interface Inventory {
  readonly hw: {
    readonly model?: string;
    readonly serial?: string;
    readonly cpu?: string;
    readonly cores?: number;
    readonly mem_mb: number;
  };
  readonly os: { readonly name?: string; readonly kernel: string; readonly arch: string; readonly node: string };
  readonly disks: readonly {
    readonly n: string;
    readonly model?: string;
    readonly type?: string;
    readonly serial?: string;
    readonly mb: number;
  }[];
  readonly nics: readonly { readonly n: string; readonly mac: string }[];
}

const MAX_DISKS = 16;
const MAX_NICS = 16;

/** Never rejects: what cannot be found out is left out. */
export async function readInventory(): Promise<Inventory> {
  // One after the other: each starts a handful of programs.
  const machine = await system().catch(() => undefined);
  const processor = await cpu().catch(() => undefined);
  const os = await osInfo().catch(() => undefined);
  const disks = await diskLayout().catch(() => []);
  return {
    hw: {
      ...some("model", [machine?.manufacturer, machine?.model].filter((word) => word !== undefined && word !== "").join(" ")),
      ...some("serial", machine?.serial),
      ...some("cpu", [processor?.manufacturer, processor?.brand].filter((word) => word !== undefined && word !== "").join(" ")),
      ...(processor !== undefined && processor.cores > 0 && { cores: processor.cores }),
      mem_mb: Math.round(totalmem() / 1e6),
    },
    os: { ...some("name", [os?.distro, os?.release].join(" ")), kernel: release(), arch: arch(), node: process.versions.node },
    disks: disks.slice(0, MAX_DISKS).map(({ device, name, type, serialNum, size }) => ({
      n: device.replace(/^\/dev\//, ""),
      ...some("model", name),
      ...some("type", type),
      ...some("serial", serialNum),
      mb: Math.round(size / 1e6),
    })),
    nics: nics(),
  };
}

function nics(): Inventory["nics"] {
  const found = Object.entries(networkInterfaces()).flatMap(([n, addresses = []]) => {
    const [first] = addresses.filter(({ internal }) => !internal);
    return first === undefined ? [] : [{ n, mac: first.mac }];
  });
  return found.slice(0, MAX_NICS);
}

/** Nothing for what is empty, or said to be a dash. */
function some<Name extends string>(name: Name, text: string | undefined): { readonly [name in Name]?: string } {
  const trimmed = text?.trim() ?? "";
  return trimmed === "" || trimmed === "-" || /^unknown$/i.test(trimmed)
    ? {}
    : ({ [name]: trimmed.slice(0, 128) } as { [name in Name]: string });
}
