// `camgate noc keys`: the keys that sign commands, and how gateways learn of others.
import { CallerFault } from "#base/errors.ts";
import { NodeFs } from "#base/node-fs.ts";
import { ROTATION } from "#fleet/command-keys.ts";
import { callCommand } from "#noc/command-call.ts";
import { CommandCounter } from "#noc/command-counter.ts";
import { NocConnection } from "#noc/noc-connection.ts";
import { plainText } from "#noc/plain-text.ts";
import { SigningKeyFolder } from "#noc/signing-keys.ts";
import {
  brokerOf,
  folderOf,
  gatewayOf,
  type NocCall,
  numberOf,
  parseNocWords,
  refuseMore,
  textOf,
  UsageFault,
  type Values,
} from "./noc-options.ts";

const ACTIONS = "keys: list, make [name], use <name>, drop <name>, root <folder> [name], or give <gateway …>";
/** Some gateways did not take the keys. */
const NOT_TAKEN = 3;

export async function runNocKeys(words: readonly string[], call: NocCall): Promise<number> {
  const { values, positionals } = parseNocWords(words, { root: { type: "string" }, timeout: { type: "string" } }, call);
  const [action = "list", name, ...more] = positionals;
  if (action === "give") return await give(positionals.slice(1), values, call);
  if (action === "root") return await makeRoot(positionals.slice(1), call);
  refuseMore(more);
  const folder = new SigningKeyFolder(new NodeFs(), folderOf(values));
  const { out } = call;
  if (action === "make") {
    const kid = name ?? `noc-${new Date().toISOString().slice(0, 10)}`;
    await folder.make(kid);
    const isFirst = (await folder.list())[0]!.kid === kid;
    out.line(
      `${folder.privateFile(kid)}: the private key. Whoever has it can do anything to every gateway: keep it here alone, with a copy off line`,
    );
    out.line(`${folder.publicFile}: for gateways, as mqtt.commandKeys: [<file>] with mqtt.commands: signed`);
    out.line(
      isFirst
        ? `${kid} signs from now on`
        : `${kid} signs after: camgate noc keys use ${kid}. First every gateway has to have it: camgate noc keys give <gateway …>`,
    );
    return 0;
  }
  if (action === "list" && name === undefined) {
    const keys = await folder.list();
    if (keys.length === 0) out.line("there are no keys: camgate noc keys make");
    for (const [i, { kid, x }] of keys.entries()) out.line(`${kid}  ${x}  ${i === 0 ? "signs" : "is to follow"}`);
    return 0;
  }
  if (name === undefined || (action !== "use" && action !== "drop")) throw new UsageFault(ACTIONS);
  await (action === "use" ? folder.use(name) : folder.drop(name));
  out.line(
    action === "use" ? `${name} signs from now on` : `${name} is gone: camgate noc keys give <gateway …> takes it from gateways, too`,
  );
  return 0;
}

/** A key that gateways know as `mqtt.rootKey`. Its folder belongs on a medium that is put away. */
async function makeRoot([folder, name = "root", ...more]: readonly string[], { out }: NocCall): Promise<number> {
  if (folder === undefined || more.length > 0)
    throw new CallerFault("invalid", "keys root: the folder that the key is made in, and its name if it is not root");
  const keys = rootFolder(folder);
  if ((await keys.list()).length > 0) throw new CallerFault("conflict", `there is a root key already: ${keys.publicFile}`);
  await keys.make(name);
  out.line(
    `${keys.privateFile(name)}: the private key. It replaces those that sign when they are lost or stolen: put the folder away, off line`,
  );
  out.line(`${keys.publicFile}: for gateways, as mqtt.rootKey: <file>`);
  return 0;
}

function rootFolder(folder: string): SigningKeyFolder {
  return new SigningKeyFolder(new NodeFs(), folder, "root-key.json");
}

/** The keys that sign and will sign take the place of those that gateways know. */
async function give(names: readonly string[], values: Values, call: NocCall): Promise<number> {
  const { out, signal } = call;
  if (names.length === 0) throw new UsageFault("keys give: the names of gateways are missing");
  const gateways = names.map((name) => gatewayOf(values, name));
  const fs = new NodeFs();
  const keys = await new SigningKeyFolder(fs, folderOf(values)).jwks();
  if (keys.length === 0) throw new CallerFault("not-found", `there are no keys in ${folderOf(values)}: camgate noc keys make`);
  const root = textOf(values, "root");
  const signer = await (root === undefined ? new SigningKeyFolder(fs, folderOf(values)) : rootFolder(root)).signer();
  if (signer === undefined) throw new CallerFault("not-found", `--root: there is no root key in ${root}: camgate noc keys root`, "root");
  const counter = new CommandCounter(fs, root ?? folderOf(values));
  const timeoutMs = numberOf(values, "timeout", 60, 1, 86_400) * 1000;
  const connection = await NocConnection.open(await brokerOf(values), signal);
  let taken = 0;
  try {
    for (const gateway of gateways) {
      const signature = { signer, ctr: await counter.next() };
      const wish = { gateway, op: ROTATION, args: { keys }, signature, timeoutMs, progressSeconds: 60, nowMs: Date.now() };
      const last = await callCommand(connection, { ...wish, onAnswer: () => {} });
      if (last?.st === "ok") taken++;
      const why = last === undefined ? `no answer within ${timeoutMs / 1000} s` : `${last.st} ${plainText(`${last.e?.c}: ${last.e?.m}`)}`;
      out.line(`${gateway.gatewayId}: ${last?.st === "ok" ? "has the keys" : why}`);
    }
  } finally {
    await connection.close();
  }
  return taken === gateways.length ? 0 : NOT_TAKEN;
}
