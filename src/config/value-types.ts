// The value types that the settings tables are written with, and their default values.

import { parseListenAddress } from "#base/listen-address.ts";
import type {
  BoolType,
  DurationType,
  EnumType,
  FloatType,
  IntType,
  NetworkType,
  ShareType,
  SizeType,
  TextType,
  ValueType,
} from "./setting.ts";

export const bool: BoolType = { kind: "bool" };
export const text: TextType = { kind: "text" };
export const network: NetworkType = { kind: "network" };
export const duration: DurationType = { kind: "duration" };
export const size: SizeType = { kind: "size" };
export const share: ShareType = { kind: "share" };

export const int = (min: number, max: number): IntType => ({ kind: "int", min, max });
export const float = (min: number, max: number): FloatType => ({ kind: "float", min, max });
export const port: IntType = int(0, 65_535);
/** Largest count a Go `uint` of the 32-bit builds takes. */
export const count: IntType = int(0, 4_294_967_295);

export function oneOf<const V extends readonly string[]>(...values: V): { readonly kind: "enum"; readonly values: V } {
  return { kind: "enum", values };
}

export function list<const T extends ValueType>(
  of: T,
  length?: number,
): { readonly kind: "list"; readonly of: T; readonly length?: number } {
  return length === undefined ? { kind: "list", of } : { kind: "list", of, length };
}

/** `no`, `optional` or `strict`; booleans are taken for `no` and `strict`. */
export const encryption = {
  kind: "enum",
  values: ["no", "optional", "strict"],
  spellings: { false: "no", off: "no", true: "strict", yes: "strict", on: "strict" },
} as const satisfies EnumType;

/** Where a server listens: `:8554`, `192.0.2.1:8554`, `[::1]:8554`, or nothing. */
export const address: TextType = {
  kind: "text",
  check(value) {
    if (value === "" || parseListenAddress(value) !== undefined) {
      return undefined;
    }
    return /^\d+$/.test(value) ? `is not an address: write ":${value}"` : 'is not an address: host:port or ":port" is needed';
  },
};

const plainCredential = /^[a-zA-Z0-9!$()*+.;<=>[\]^_\-{}@#&]+$/;
const sha256Credential = /^sha256:[a-zA-Z0-9+/]{43}=$/;

/** True where a credential is stored as a hash instead of in clear. */
export function isHashedCredential(value: string): boolean {
  return value.startsWith("sha256:") || value.startsWith("argon2:");
}

/** A user name or password, in clear or hashed, in the characters that every protocol can carry. */
export const credential: TextType = {
  kind: "text",
  check(value) {
    if (value === "" || value.startsWith("argon2:$argon2")) {
      return undefined;
    }
    if (value === "<redacted>") {
      return "is the placeholder that a shown config has in place of a secret";
    }
    if (isHashedCredential(value)) {
      return sha256Credential.test(value) ? undefined : "is not a hash: sha256:<base64> or argon2:<encoded> is needed";
    }
    return plainCredential.test(value)
      ? undefined
      : "has characters that not every protocol can carry; letters, digits and ! $ ( ) * + . ; < = > [ ] ^ _ - { } @ # & can be used";
  },
};

/** A SRT passphrase: 10 to 79 characters, or none. */
export const passphrase: TextType = {
  kind: "text",
  check: (value) => (value === "" || (value.length >= 10 && value.length <= 79) ? undefined : "must have 10 to 79 characters"),
};

/** SHA-256 of a certificate in hex, with or without colons, or none. */
export const fingerprint: TextType = {
  kind: "text",
  check: (value) =>
    value === "" || /^[0-9a-fA-F]{64}$/.test(value.replaceAll(":", "")) ? undefined : "is not a SHA-256 fingerprint of 64 hex digits",
};

export const seconds = (n: number): number => n * 1000;
export const megabytes = (n: number): number => n * 1024 * 1024;
