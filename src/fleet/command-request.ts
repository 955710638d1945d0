// A command as it comes over the link, and every answer that can go back: the words of the contract.

export const COMMAND_ERRORS = [
  ...["E_SCHEMA", "E_SIZE", "E_RETAINED", "E_SIG", "E_AUD", "E_REPLAY", "E_EXPIRED", "E_RATE", "E_BUSY", "E_UNSUPPORTED", "E_DENIED"],
  ...["E_NOTFOUND", "E_RANGE", "E_NODATA", "E_IO", "E_NET", "E_TIMEOUT", "E_CANCELLED", "E_INTERNAL"],
] as const;

export type CommandErrorCode = (typeof COMMAND_ERRORS)[number];

export interface CommandError {
  readonly c: string;
  /** For people. */
  readonly m: string;
  /** When to try again. */
  readonly retry_s?: number;
}

/** All but `ack` and `run` are terminal: a command has exactly one of them, and nothing after it. */
export type CommandState = "ack" | "run" | "ok" | "err" | "rej" | "exp" | "cancel" | "lost";

/** What goes back, without the envelope. */
export interface CommandAnswer {
  /** Null: the request was not readable. */
  readonly id: string | null;
  readonly st: CommandState;
  /** 1, 2, … for each answer of a command. */
  readonly n: number;
  readonly pct?: number;
  readonly msg?: string;
  readonly res?: unknown;
  readonly e?: CommandError;
}

export interface CommandRequest {
  readonly id: string;
  readonly op: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** UTC, ms since 1970. */
  readonly exp: number;
  /** Of signed ones: rises with each command of a key. */
  readonly ctr: number | undefined;
  /** `tenant/gateway` that a signed one is for. */
  readonly aud: string | undefined;
  /** Not to be run while the time is unknown. */
  readonly strictTime: boolean;
  /** Seconds between two reports of progress. */
  readonly progressSeconds: number;
}

export const MAX_REQUEST_BYTES = 64 * 1024;
const DEFAULT_PROGRESS_SECONDS = 5;

/** The fault names the field. Fields that are not known are ignored. */
export function parseCommandRequest(value: unknown): CommandRequest | { readonly fault: string } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { fault: "it is no object" };
  const fields = value as Readonly<Record<string, unknown>>;
  const { v, id, op, args = {}, exp, ctr, aud, strict_time: strictTime = false, prog_s: progress = DEFAULT_PROGRESS_SECONDS } = fields;
  if (v !== 1) return { fault: "v: has to be 1" };
  if (typeof id !== "string" || !/^[0-9A-Za-z-]{1,64}$/.test(id)) return { fault: "id: has to be a ULID" };
  if (typeof op !== "string" || !/^[a-z][a-z0-9_.]{0,63}$/.test(op)) return { fault: "op: has to be the name of an operation" };
  if (typeof args !== "object" || args === null || Array.isArray(args)) return { fault: "args: has to be an object" };
  if (!isTime(exp)) return { fault: "exp: has to be a time, in ms since 1970" };
  if (ctr !== undefined && !(Number.isSafeInteger(ctr) && (ctr as number) >= 0)) return { fault: "ctr: has to be a whole number" };
  if (aud !== undefined && typeof aud !== "string") return { fault: "aud: has to be a text" };
  if (typeof strictTime !== "boolean") return { fault: "strict_time: has to be true or false" };
  if (typeof progress !== "number" || !(progress >= 1 && progress <= 3600)) return { fault: "prog_s: has to be 1 to 3600" };
  return {
    id,
    op,
    args: args as Readonly<Record<string, unknown>>,
    exp,
    ctr: ctr as number | undefined,
    aud,
    strictTime,
    progressSeconds: progress,
  };
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

/** What a JSON value says of its id, where it says one that can be answered. */
export function idOf(value: unknown): string | null {
  const { id } = (value ?? {}) as { readonly id?: unknown };
  return typeof id === "string" && /^[0-9A-Za-z-]{1,64}$/.test(id) ? id : null;
}
