// `camgate noc config get|set|diff|rollback <gateway>`: the config that is wanted of a gateway.
import { stringify } from "yaml";
import { CallerFault } from "#base/errors.ts";
import { NodeFs } from "#base/node-fs.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import { parseKeyFile } from "#fleet/key-file.ts";
import { type ConfigReport, type DesiredNow, nextVersion, readDesired, sendDesired } from "#noc/desired-call.ts";
import { type Doc, diffLines, hasSecrets, parseDraft, SentConfigs, sealingKeyOf, sealSecrets } from "#noc/desired-draft.ts";
import { NocConnection } from "#noc/noc-connection.ts";
import { plainText } from "#noc/plain-text.ts";
import { SigningKeyFolder } from "#noc/signing-keys.ts";
import {
  brokerOf,
  folderOf,
  gatewayOf,
  type NocCall,
  noKeyFault,
  numberOf,
  parseNocWords,
  readNamed,
  textOf,
  UsageFault,
  type Values,
} from "./noc-options.ts";

const ACTIONS = ["get", "set", "diff", "rollback"];
const MAX_FILE_BYTES = 2 << 20;
/** Taken, refused, undone; 7: no word of it in time. */
const EXIT_CODES: Readonly<Record<string, number>> = { applied: 0, rejected: 2, rolled_back: 3 };
const NO_ANSWER = 7;

export async function runNocConfig(words: readonly string[], call: NocCall): Promise<number> {
  const own = ["timeout", "probation", "url", "sealing-key"];
  const texts = Object.fromEntries(own.map((name) => [name, { type: "string" as const }]));
  const options = { ...texts, unsigned: { type: "boolean" as const }, force: { type: "boolean" as const } };
  const { values, positionals } = parseNocWords(words, options, call);
  const [action = "", name, third, ...more] = positionals;
  if (!ACTIONS.includes(action)) throw new UsageFault(`config: ${ACTIONS.join(", ")}`);
  const gateway = gatewayOf(values, name);
  const wantsFile = action === "set" || action === "diff";
  if (more.length > 0 || (action === "get" && third !== undefined)) throw new UsageFault(`'${more[0] ?? third}' is a word too many`);
  if (wantsFile && third === undefined) throw new UsageFault("the file with settings is missing");
  const probationSeconds = numberOf(values, "probation", 180, 1, 3600);
  const timeoutMs = numberOf(values, "timeout", 300, 1, 86_400) * 1000;
  const url = urlOf(values);
  const sent = new SentConfigs(new NodeFs(), folderOf(values), gateway);
  const draft = wantsFile ? await readDraft(third!) : undefined;
  const folder = new SigningKeyFolder(new NodeFs(), folderOf(values));
  const access = await brokerOf(values);
  const keys = await readKeys(folder.publicFile);
  const connection = await NocConnection.open(access, call.signal);
  try {
    const now = await readDesired(connection, gateway, keys);
    if (action === "get") return printNow(now, call);
    const known = await sent.versions();
    const doc = draft ?? (await sent.read(versionBefore(third, now, known)));
    const before = now.sent?.doc ?? {};
    const lines = diffLines(before, doc);
    for (const line of lines) call.out.line(plainText(line));
    if (action === "diff") {
      if (lines.length === 0) call.out.line("no difference");
      return 0;
    }
    const sealed = hasSecrets(doc) ? sealSecrets(doc, sealingKeyOf(sealingKey(values, now))) : doc;
    const signer = values["unsigned"] === true ? undefined : await folder.signer();
    if (signer === undefined && values["unsigned"] !== true) throw noKeyFault(values, "a config");
    const ver = nextVersion(now, known);
    await sent.keep(ver, sealed);
    call.out.line(`version ${ver}, kept as ${sent.fileOf(ver)}`);
    const last = await sendDesired(connection, {
      ...{ gateway, ver, parent: now.report?.ver ?? 0, doc: sealed, url, signer },
      ...{ probationSeconds, timeoutMs, isForced: values["force"] === true },
      onReport: (report) => call.out.line(reportLine(report)),
    });
    if (last !== undefined) return EXIT_CODES[last.st]!;
    call.out.line("no word of it in time: the broker holds it ready, and the gateway takes it when it is there");
    return NO_ANSWER;
  } finally {
    await connection.close();
  }
}

async function readDraft(path: string): Promise<Doc> {
  return parseDraft((await readNamed(path, MAX_FILE_BYTES)).toString("utf8"), path);
}

async function readKeys(path: string) {
  const bytes = await readSmallFile(new NodeFs(), path, MAX_FILE_BYTES);
  const file = bytes === undefined ? undefined : parseKeyFile(bytes.toString("utf8"));
  return file === undefined || "fault" in file ? new Map() : file.keys;
}

/** The one that is named, else the last one that was sent before what is there now. */
function versionBefore(text: string | undefined, { sent, report }: DesiredNow, known: readonly number[]): number {
  if (text !== undefined) {
    if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
    throw new CallerFault("invalid", `version: '${text}' is none`);
  }
  const current = sent?.ver ?? report?.ver ?? 0;
  const before = known.filter((ver) => ver < current && !(report?.bad ?? []).includes(ver)).at(-1);
  if (before === undefined) throw new CallerFault("not-found", `no version before ${current} was sent from here`);
  return before;
}

function sealingKey(values: Values, { sealingKey: published }: DesiredNow): string {
  const key = textOf(values, "sealing-key") ?? published;
  if (key !== undefined) return key;
  throw new CallerFault(
    "invalid",
    "--sealing-key: there are secrets to seal, and the gateway has not published its key in up/info: give it",
  );
}

function urlOf(values: Values): string | undefined {
  const url = textOf(values, "url");
  if (url !== undefined && !/^https:\/\/\S+$/.test(url)) throw new CallerFault("invalid", `--url: '${url}' is no https:// URL`);
  return url;
}

function printNow({ sent, report }: DesiredNow, { out }: NocCall): number {
  out.line(report === undefined ? "# the gateway has not reported any config" : `# ${reportLine(report)}; runs: ${report.ver}`);
  if (sent === undefined) out.line("# no config is held ready for it");
  else {
    out.line(`# held ready: version ${sent.ver}, ${sent.trust}`);
    if (sent.doc === undefined) out.line("# it lies at a URL");
    else for (const line of stringify(sent.doc).trimEnd().split("\n")) out.line(plainText(line));
  }
  return 0;
}

function reportLine({ st, about, err, bad }: ConfigReport): string {
  const failed = bad.length === 0 ? "" : `; failed before: ${bad.join(", ")}`;
  return `version ${about}: ${st}${err === null ? "" : `, ${plainText(err)}`}${failed}`;
}
