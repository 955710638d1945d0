// `camgate noc keys`: the keys that sign commands.
import { CallerFault } from "#base/errors.ts";
import { NodeFs } from "#base/node-fs.ts";
import { SigningKeyFolder } from "#noc/signing-keys.ts";
import { folderOf, type NocCall, parseNocWords } from "./noc-options.ts";

export async function runNocKeys(words: readonly string[], call: NocCall): Promise<number> {
  const { values, positionals } = parseNocWords(words, {}, call);
  const [action = "list", name, ...more] = positionals;
  if (more.length > 0) throw new CallerFault("invalid", `'${more[0]}' is a word too many`);
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
        : `${kid} signs after: camgate noc keys use ${kid}. First every gateway has to have the new file`,
    );
    return 0;
  }
  if (action === "list" && name === undefined) {
    const keys = await folder.list();
    if (keys.length === 0) out.line("there are no keys: camgate noc keys make");
    for (const [i, { kid, x }] of keys.entries()) out.line(`${kid}  ${x}  ${i === 0 ? "signs" : "is to follow"}`);
    return 0;
  }
  if (name === undefined || (action !== "use" && action !== "drop"))
    throw new CallerFault("invalid", "keys: list, make [name], use <name>, or drop <name>");
  await (action === "use" ? folder.use(name) : folder.drop(name));
  out.line(action === "use" ? `${name} signs from now on` : `${name} is gone: give ${folder.publicFile} to every gateway`);
  return 0;
}
