// The command line: MediaMTX's (a config file, --version, --check-version, --upgrade, --help), and sub-commands beside it.

export type Invocation =
  | { readonly kind: "run"; readonly configFile: string | undefined }
  | { readonly kind: "help" | "version" | "check-version" | "upgrade" }
  | { readonly kind: "command"; readonly name: string; readonly words: readonly string[] }
  | { readonly kind: "wrong"; readonly text: string };

const FLAGS: Record<string, Invocation> = {
  "-h": { kind: "help" },
  "--help": { kind: "help" },
  "--version": { kind: "version" },
  "--check-version": { kind: "check-version" },
  "--upgrade": { kind: "upgrade" },
};

/**
 * What the words after the program's name ask for. A first word that is one of `commands` is that sub-command and has the rest to itself;
 * a config file of such a name is given as `./name`, or after `--`.
 */
export function parseArguments(words: readonly string[], commands: readonly string[]): Invocation {
  const [first, ...rest] = words;
  if (first !== undefined && commands.includes(first)) return { kind: "command", name: first, words: rest };

  const separator = words.indexOf("--");
  const beforeSeparator = separator < 0 ? words : words.slice(0, separator);
  const options = beforeSeparator.filter((word) => word.startsWith("-"));
  const files = [...beforeSeparator.filter((word) => !word.startsWith("-")), ...words.slice(beforeSeparator.length + 1)];

  const unknown = options.find((option) => !Object.hasOwn(FLAGS, option));
  if (unknown !== undefined) return { kind: "wrong", text: `unknown flag ${unknown}` };
  const asked = options.map((option) => FLAGS[option]).find((invocation) => invocation !== undefined);
  if (asked !== undefined) return asked;
  if (files.length > 1) return { kind: "wrong", text: `unexpected argument ${files[1]}` };
  return { kind: "run", configFile: files[0] };
}

/** What --help prints. `commands` are the sub-commands and a line about each. */
export function helpText(version: string, commands: ReadonlyMap<string, string>): string {
  const width = Math.max(...[...commands.keys(), "--check-version"].map((name) => name.length));
  const row = (name: string, text: string) => `  ${name.padEnd(width)}  ${text}\n`;
  const commandRows = [...commands].map(([name, text]) => row(name, text)).join("");
  return (
    `camgate ${version}: the gateway at a camera site\n\n` +
    `Usage: camgate [config file]\n${commands.size === 0 ? "" : "       camgate command [arguments]\n"}\n` +
    `Flags:\n${row("-h, --help", "show this text")}${row("--version", "print the version")}` +
    `${row("--check-version", "refused, as --upgrade is: what installed the program upgrades it")}` +
    `${commands.size === 0 ? "" : `\nCommands:\n${commandRows}`}`
  );
}
