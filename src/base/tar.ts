// A tar archive of small files in memory: POSIX.1-1988 (ustar), which every tar reads.

export interface TarFile {
  /** Up to 100 bytes of ASCII, with `/` between folders. */
  readonly name: string;
  readonly bytes: Buffer;
}

const BLOCK_BYTES = 512;
const MODE = 0o600;

/** `modifiedS`: of all of them, seconds since 1970. */
export function writeTar(files: readonly TarFile[], modifiedS: number): Buffer {
  const blocks = files.flatMap(({ name, bytes }) => [headerOf(name, bytes.length, modifiedS), bytes, paddingOf(bytes.length)]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]);
}

function headerOf(name: string, sizeBytes: number, modifiedS: number): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const put = (text: string, at: number): void => void header.write(text, at, "latin1");
  put(name.slice(0, 100), 0);
  put(octal(MODE, 8), 100);
  put(octal(0, 8), 108); // owner
  put(octal(0, 8), 116); // group
  put(octal(sizeBytes, 12), 124);
  put(octal(modifiedS, 12), 136);
  put("        ", 148); // the sum is made with blanks in its place
  put("0", 156); // a plain file
  put("ustar\0", 257);
  put("00", 263);
  put(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      7,
    )} `,
    148,
  );
  return header;
}

function octal(value: number, width: number): string {
  return `${Math.max(0, Math.floor(value))
    .toString(8)
    .padStart(width - 1, "0")}\0`;
}

function paddingOf(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}
