// What an error of the file system means for a store.
import { StoreFault, type StoreFaultCode } from "./store.ts";

const CODES: Readonly<Record<string, StoreFaultCode>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EROFS: "read-only",
  EACCES: "read-only",
  EPERM: "read-only",
  ENODEV: "gone",
  ENXIO: "gone",
  ENOMEDIUM: "gone",
  ENOTCONN: "gone",
  ESTALE: "gone",
};

/** A StoreFault stays one; errors of the file system become one. Undefined: neither, our own bug. */
export function diskFaultOf(error: unknown): StoreFault | undefined {
  if (error instanceof StoreFault) return error;
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return new StoreFault(CODES[error.code] ?? "io", error.message, { cause: error });
}

/** The whole medium is out of use, whatever the code. */
export class MediumFault extends StoreFault {}

/** No other chunk would do better. */
export function isOfMedium(fault: StoreFault): boolean {
  return fault instanceof MediumFault || fault.code === "read-only" || fault.code === "gone" || fault.code === "foreign";
}

/** An error of the file system as one of the medium; what is none goes on as it is. */
export function mediumFaultOf(error: unknown): unknown {
  const fault = diskFaultOf(error);
  return fault === undefined || isOfMedium(fault) ? (fault ?? error) : new MediumFault(fault.code, fault.message, { cause: error });
}
