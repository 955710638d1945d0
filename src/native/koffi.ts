// koffi, which calls C functions: an optional package, on machines that its structures and ours are made for. Linux, little-endian.
import { endianness } from "node:os";
import type { LibraryHandle } from "koffi";

/** Architectures that koffi has a build for and whose constants and structures are those of `libc.ts` and `message-headers.ts`. */
const POINTER_BYTES: Readonly<Record<string, 4 | 8>> = { arm: 4, arm64: 8, ia32: 4, loong64: 8, riscv64: 8, x64: 8 };

export interface Koffi {
  readonly pointerBytes: 4 | 8;
  /** Where a buffer's first byte lies. It stays there; who hands it on keeps the buffer referenced. */
  address(memory: Buffer): number;
  errno(): number;
  /** What the process itself has loaded: the C library, and the OpenSSL that is Node's. */
  readonly process: LibraryHandle;
}

/** The package, or why it cannot be used, in words for the log. */
export async function loadKoffi(): Promise<Koffi | string> {
  if (process.platform !== "linux") return `not made for ${process.platform}`;
  const pointerBytes = POINTER_BYTES[process.arch];
  if (pointerBytes === undefined || endianness() !== "LE") return `not made for ${process.arch}`;
  try {
    const koffi = await import("koffi");
    return {
      pointerBytes,
      address: (memory) => Number(koffi.address(memory)),
      errno: () => koffi.errno(),
      process: koffi.load(null),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return "koffi is not installed";
    return koffiFault(error);
  }
}

/** What koffi says of a function that is not there, and of anything else. */
export function koffiFault(error: unknown): string {
  return `koffi cannot be used: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`;
}
