// The kernel's name for a boot, a UUID: as /proc tells it, and as it stands on the medium.

const BOOT_ID_BYTES = 16;

/** 16 bytes of the text form. */
export function bootIdBytes(uuid: string): Buffer {
  const bytes = Buffer.alloc(BOOT_ID_BYTES);
  bytes.write(uuid.replaceAll("-", ""), "hex");
  return bytes;
}

/** The form of /proc: 8-4-4-4-12 hexadecimal digits. */
export function bootIdText(bytes: Buffer): string {
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
