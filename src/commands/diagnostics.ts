// What somebody needs to find a fault from afar, as one file: put together at once, bounded, without secrets, and sent to a server.
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { CallerFault, errorText } from "#base/errors.ts";
import { type TarFile, writeTar } from "#base/tar.ts";
import type { Command, CommandContext } from "#control/command.ts";
import { fault, readFields } from "./command-input.ts";
import { optionalUpload, type SendFile, type UploadWish } from "./upload-input.ts";

/** One file of the bundle. */
export interface DiagnosticsEntry {
  /** `health.json`, `proc/meminfo`. */
  readonly name: string;
  /** Text as it is; anything else as JSON. Undefined: there is nothing of it here. A rejection is noted in the bundle. */
  read(signal: AbortSignal): Promise<unknown>;
}

export interface DiagnosticsOptions {
  /** In the order of the archive. */
  entries(): readonly DiagnosticsEntry[];
  /** A text without secrets. */
  hide(text: string): string;
  /** UTC, ms. */
  utcMs(): number;
  readonly send: SendFile;
}

export interface SentBundle {
  readonly parts: number;
  readonly bytes: number;
  readonly sha256: string;
  /** In it. */
  readonly files: readonly string[];
}

const gzipped = promisify(gzip);

const FOLDER = "camgate-diagnostics";
/** Of one of them: what is more is left out of its middle. */
const MAX_FILE_CHARACTERS = 524_288;
/** Before it is compressed. */
const MAX_BUNDLE_BYTES = 4 * 2 ** 20;
/** What hangs is left out: it is a fault of its own. */
const READ_MS = 10_000;

export function diagnosticsCommands(options: DiagnosticsOptions) {
  let isRunning = false;
  const bundle: Command<UploadWish, SentBundle> = {
    name: "diag.bundle",
    scope: "admin",
    summary: "What somebody needs to find a fault, sent as one file (tar.gz) where `dest` says; secrets taken out.",
    parse: (input) => {
      const { dest } = readFields(input, ["dest"]);
      const upload = optionalUpload(dest, undefined);
      if (upload === undefined) throw fault("dest", 'is missing: where to send it, such as {"put": "https://noc.example/up/site.tar.gz"}');
      return upload;
    },
    run: async (upload, context) => {
      if (isRunning) throw new CallerFault("too-many", "a bundle is on its way already");
      isRunning = true;
      try {
        return await sendBundle(options, upload, context);
      } finally {
        isRunning = false;
      }
    },
  };
  return [bundle] as const;
}

async function sendBundle(options: DiagnosticsOptions, upload: UploadWish, { signal, progress }: CommandContext): Promise<SentBundle> {
  progress(0, "collecting");
  const files = await collectDiagnostics(options, signal);
  const bytes = await gzipped(writeTar(files, options.utcMs() / 1000));
  const file = {
    sizeBytes: bytes.length,
    mediaType: "application/gzip",
    bytes: async function* (start: number, end: number) {
      yield bytes.subarray(start, end);
    },
  };
  const { parts, sha256 } = await options.send(upload, file, { signal, progress });
  return { parts, bytes: bytes.length, sha256, files: files.map(({ name }) => name.slice(FOLDER.length + 1)) };
}

/** One after the other. What could not be read is said in `errors.txt`. Rejects when it is aborted. */
export async function collectDiagnostics(
  { entries, hide }: Pick<DiagnosticsOptions, "entries" | "hide">,
  signal: AbortSignal,
): Promise<readonly TarFile[]> {
  const files: TarFile[] = [];
  const faults: string[] = [];
  let leftBytes = MAX_BUNDLE_BYTES;
  for (const { name, read } of entries()) {
    signal.throwIfAborted();
    try {
      const content = await withinTime(read, signal);
      if (content === undefined) continue;
      const text = typeof content === "string" ? content : JSON.stringify(content, jsonValue, 2);
      const bytes = Buffer.from(withoutMiddle(hide(text)));
      if (bytes.length > leftBytes) throw new Error("there is no room for it in the bundle");
      leftBytes -= bytes.length;
      files.push({ name: `${FOLDER}/${name}`, bytes });
    } catch (error) {
      signal.throwIfAborted();
      faults.push(`${name}: ${hide(errorText(error))}`);
    }
  }
  return faults.length === 0 ? files : [...files, { name: `${FOLDER}/errors.txt`, bytes: Buffer.from(`${faults.join("\n")}\n`) }];
}

async function withinTime(read: DiagnosticsEntry["read"], signal: AbortSignal): Promise<unknown> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`it took longer than ${READ_MS / 1000} s`)), READ_MS);
  const stop = AbortSignal.any([signal, late.signal]);
  const isOver = new Promise<never>((_, reject) => stop.addEventListener("abort", () => reject(stop.reason), { once: true }));
  try {
    return await Promise.race([read(stop), isOver]);
  } finally {
    clearTimeout(timer);
  }
}

/** Begin and end say more than the middle. */
function withoutMiddle(text: string): string {
  if (text.length <= MAX_FILE_CHARACTERS) return text;
  const half = MAX_FILE_CHARACTERS / 2;
  return `${text.slice(0, half)}\n… ${text.length - MAX_FILE_CHARACTERS} characters left out …\n${text.slice(-half)}`;
}

function jsonValue(_: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return typeof value === "bigint" ? String(value) : value;
}
