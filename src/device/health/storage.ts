// Mounted file systems and the devices below them: /proc/self/mountinfo (proc(5)), /sys/class/block, /sys/fs/ext4.

export interface Mount {
  readonly point: string;
  readonly type: string;
  readonly readOnly: boolean;
  /** `mmcblk0p2`: its name in /sys/class/block; undefined: it has no block device. */
  readonly device: string | undefined;
}

/** Sectors of /sys are of this size, whatever the device's are (Documentation/block/stat.rst). */
const SECTOR_BYTES = 512;

/** All that are there, in the order in which they were mounted. Lines that make no sense are left out. */
export function parseMounts(text: string): readonly Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split("\n", 4096)) {
    const [before = "", after = ""] = line.split(" - ", 2);
    const [, , , , point, options] = before.split(" ");
    const [type, source, superOptions] = after.split(" ");
    if (point === undefined || options === undefined || type === undefined || source === undefined) continue;
    const [, device] = /^\/dev\/([^/]+)$/.exec(unescaped(source)) ?? [];
    mounts.push({ point: unescaped(point), type, readOnly: isReadOnly(options) || isReadOnly(superOptions ?? ""), device });
  }
  return mounts;
}

/** The mount that an absolute path lies on. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const isAbove = mount.point === "/" || path === mount.point || path.startsWith(`${mount.point}/`);
    if (isAbove && mount.point.length >= (best?.point.length ?? 0)) best = mount; // of two at one place the later one is seen
  }
  return best;
}

/** Bytes written to a block device since the machine was started, of its `stat`. */
export function parseWrittenBytes(text: string): number | undefined {
  const sectors = text.trim().split(/\s+/)[6];
  return sectors === undefined || !/^\d{1,16}$/.test(sectors) ? undefined : Number(sectors) * SECTOR_BYTES;
}

/** A number in a file of its own. */
export function parseCount(text: string): number | undefined {
  const [digits] = /^\d{1,15}(?=\s*$)/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** `pre_eol_info` of an eMMC (JEDEC JESD84-B51 §7.4.43). Undefined: it does not say. */
export function parseEndOfLife(text: string): "ok" | "warn" | "urgent" | undefined {
  const [, digit] = /^0x0?([1-3])\s*$/.exec(text) ?? [];
  return digit === undefined ? undefined : (["ok", "warn", "urgent"] as const)[Number(digit) - 1];
}

function isReadOnly(options: string): boolean {
  return options.split(",").includes("ro");
}

/** Spaces and the like stand as octal escapes. */
function unescaped(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
