// Lines of the audit log: JSON objects in a chain of hashes, each over the one before and its own text: what is changed, left out or put in breaks it. Pure.
import { createHash } from "node:crypto";

/** What somebody did. */
export interface AuditNote {
  /** As it is known: a user and an address, the name of a key, a part of the gateway. */
  readonly who: string;
  /** The name of a command, `login`, an HTTP request, an event. */
  readonly op: string;
  /** `run`: it was begun; `err`: it failed; absent: it is no more than it says. */
  readonly st?: "run" | "err";
  /** The path that it is about. */
  readonly cam?: string;
  /** No secrets. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** When it was: UTC in ms and how well that was known, and the monotonic clock of that boot in ms. */
export interface AuditStamp {
  readonly ts: number;
  readonly tq: string;
  readonly boot: number;
  readonly mono: number;
}

export interface AuditEntry extends AuditNote, AuditStamp {
  /** From 1, one more for each. */
  readonly n: number;
  /** In the first line of a file: the hash of the line before it. */
  readonly p?: string;
  /** SHA-256, hex. */
  readonly h: string;
}

/** Before the first line of all. */
export const CHAIN_START = "0".repeat(64);
const HASH_END = /,"h":"([0-9a-f]{64})"\}$/;

/** Without a line end. */
export function writeAuditLine(entry: Omit<AuditEntry, "h">, previous: string): { readonly line: string; readonly hash: string } {
  const text = JSON.stringify(entry);
  const hash = hashOf(previous, text);
  return { line: `${text.slice(0, -1)},"h":"${hash}"}`, hash };
}

/** Undefined: it is none. */
export function parseAuditLine(line: string): AuditEntry | undefined {
  try {
    const entry = JSON.parse(line) as AuditEntry | null;
    if (typeof entry !== "object" || entry === null || !HASH_END.test(line)) return undefined;
    const { n, who, op, ts, tq, boot, mono, h } = entry;
    const isWhole =
      [n, ts, boot, mono].every((value) => typeof value === "number") && [who, op, tq, h].every((value) => typeof value === "string");
    return isWhole ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a line is the one that followed. */
export function followsOn(line: string, previous: string): boolean {
  const [end = "", hash = ""] = HASH_END.exec(line) ?? [];
  return end !== "" && hashOf(previous, `${line.slice(0, -end.length)}}`) === hash;
}

function hashOf(previous: string, text: string): string {
  return createHash("sha256").update(previous).update(text).digest("hex");
}
