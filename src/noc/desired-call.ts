// The desired config of one gateway, over the broker: what was sent and what runs, and sending another.
import { CallerFault } from "#base/errors.ts";
import type { DesiredStatus } from "#fleet/desired-config.ts";
import { canonicalJson, hashOf } from "#fleet/desired-document.ts";
import { type SigningKeys, signJws, verifyJws } from "#fleet/jws.ts";
import { parseStrictJson } from "#fleet/strict-json.ts";
import { type GatewayIdentity, Topics } from "#fleet/topics.ts";
import type { Doc } from "./desired-draft.ts";
import type { NocConnection } from "./noc-connection.ts";
import type { Signer } from "./signing-keys.ts";

/** `up/cfg`, as far as it is what the contract says. */
export interface ConfigReport {
  readonly ver: number;
  readonly st: DesiredStatus;
  readonly about: number;
  readonly err: string | null;
  readonly bad: readonly number[];
  readonly top: number;
}

export interface DesiredNow {
  /** What the broker holds ready for the gateway. */
  readonly sent:
    | { readonly ver: number; readonly doc: Doc | undefined; readonly trust: "signed by us" | "signed by somebody else" | "not signed" }
    | undefined;
  readonly report: ConfigReport | undefined;
  /** Of its inventory: X25519, base64url. */
  readonly sealingKey: string | undefined;
}

export interface DesiredSending {
  readonly gateway: GatewayIdentity;
  readonly ver: number;
  readonly parent: number;
  readonly doc: Doc;
  /** Where the canonical JSON of the document lies, for one that is too large for a message. */
  readonly url: string | undefined;
  readonly probationSeconds: number;
  /** Also where the gateway runs a version that is not below it. */
  readonly isForced: boolean;
  readonly signer: Signer | undefined;
  readonly timeoutMs: number;
  onReport(report: ConfigReport): void;
}

const MAX_MESSAGE_BYTES = 64 * 1024;
const STATES: ReadonlySet<string> = new Set<DesiredStatus>(["none", "fetching", "probation", "applied", "rejected", "rolled_back"]);
const ENDS: ReadonlySet<DesiredStatus> = new Set(["applied", "rejected", "rolled_back"]);

export async function readDesired(connection: NocConnection, gateway: GatewayIdentity, keys: SigningKeys): Promise<DesiredNow> {
  const topics = new Topics(gateway);
  const [config, report, info] = [topics.down("cfg"), topics.up("cfg"), topics.up("info")];
  const kept = await connection.retained([config, report, info]);
  const { keys: published } = objectOf(kept.get(info)) ?? {};
  const sealing = (published as Doc | undefined)?.["sealing"];
  return {
    sent: sentOf(kept.get(config), keys),
    report: parseReport(kept.get(report)),
    sealingKey: typeof sealing === "string" ? sealing : undefined,
  };
}

/** The version behind all that were sent, run or refused. */
export function nextVersion({ sent, report }: DesiredNow, known: readonly number[]): number {
  return Math.max(0, sent?.ver ?? 0, report?.ver ?? 0, report?.about ?? 0, report?.top ?? 0, ...(report?.bad ?? []), ...known) + 1;
}

/** Resolves with the report of its end; undefined: the gateway said nothing of it in time, and takes it when it is there. */
export async function sendDesired(connection: NocConnection, sending: DesiredSending): Promise<ConfigReport | undefined> {
  const topics = new Topics(sending.gateway);
  const payload = payloadOf(sending);
  let stop = (): void => {};
  let timer: NodeJS.Timeout | undefined;
  try {
    const end = new Promise<ConfigReport | undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), sending.timeoutMs);
      stop = connection.listen(({ topic, payload: bytes }) => {
        const report = topic === topics.up("cfg") ? parseReport(bytes) : undefined;
        if (report === undefined || report.about !== sending.ver) return;
        sending.onReport(report);
        if (ENDS.has(report.st)) resolve(report);
      });
    });
    await connection.subscribe([topics.up("cfg")]);
    await connection.publish({ topic: topics.down("cfg"), payload, qos: 1, retain: true, contentType: "application/json" });
    const lost = connection.ended.then(({ message }) =>
      Promise.reject(new CallerFault("timed-out", `the connection was lost: ${message}`)),
    );
    return await Promise.race([end, lost]);
  } finally {
    clearTimeout(timer);
    stop();
  }
}

function payloadOf({ gateway, ver, parent, doc, url, probationSeconds, isForced, signer }: DesiredSending): string {
  const canonical = canonicalJson(doc);
  const hash = hashOf(canonical);
  const content = url === undefined ? { hash, doc } : { url, sha256: hash.slice("sha256:".length) };
  // `aud`: a config that is signed for one gateway is none for another.
  const message = JSON.stringify({
    v: 1,
    ver,
    parent,
    probation_s: probationSeconds,
    ts: Date.now(),
    ...(isForced && { force: true }),
    aud: `${gateway.tenant}/${gateway.gatewayId}`,
    ...content,
  });
  const payload = signer === undefined ? message : signJws(message, signer.kid, signer.privateKey);
  if (payload.length <= MAX_MESSAGE_BYTES) return payload;
  throw new CallerFault(
    "invalid",
    `the config makes a message of ${payload.length} bytes, and ${MAX_MESSAGE_BYTES} are allowed: serve its file over HTTPS, and say --url`,
  );
}

function sentOf(bytes: Buffer | undefined, keys: SigningKeys): DesiredNow["sent"] {
  const text = bytes?.toString("utf8");
  if (text === undefined) return undefined;
  const isSigned = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
  const body = objectOf(isSigned ? Buffer.from(text.split(".")[1]!, "base64url") : bytes);
  const { ver, doc } = body ?? {};
  if (!Number.isSafeInteger(ver)) return undefined;
  const isOurs = isSigned && "payload" in verifyJws(text, keys);
  return {
    ver: ver as number,
    doc: typeof doc === "object" && doc !== null ? (doc as Doc) : undefined,
    trust: isOurs ? "signed by us" : isSigned ? "signed by somebody else" : "not signed",
  };
}

/** Undefined: it is none. Never throws. */
export function parseReport(bytes: Buffer | undefined): ConfigReport | undefined {
  const { ver, st, about, err, bad, top } = objectOf(bytes) ?? {};
  if (!Number.isSafeInteger(ver) || !Number.isSafeInteger(about) || typeof st !== "string" || !STATES.has(st)) return undefined;
  return {
    ver: ver as number,
    st: st as DesiredStatus,
    about: about as number,
    err: typeof err === "string" ? err : null,
    bad: Array.isArray(bad) ? bad.filter((one): one is number => Number.isSafeInteger(one)) : [],
    top: Number.isSafeInteger(top) ? (top as number) : 0,
  };
}

function objectOf(bytes: Buffer | undefined): Doc | undefined {
  const parsed = bytes === undefined || bytes.length > 4 * MAX_MESSAGE_BYTES ? undefined : parseStrictJson(bytes.toString("utf8"));
  const value = parsed !== undefined && "value" in parsed ? parsed.value : undefined;
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Doc) : undefined;
}
