// What the options and words of each `camgate noc` command mean, for its --help.
import { operations } from "#fleet/contract/operations.table.ts";
import { argumentsText } from "#noc/command-arguments.ts";

type Rows = readonly (readonly [name: string, text: string])[];

const UNSIGNED = ["--unsigned", "send it without a signature, to gateways that trust the broker"] as const;

const ROWS: Readonly<Record<string, Rows>> = {
  keys: [
    ["list", "the keys that are here, and which of them signs"],
    ["make [name]", "another key; the first one signs at once, later ones after `use`"],
    ["use <name>", "this one signs from now on"],
    ["drop <name>", "forget one"],
    ["root <folder> [name]", "a key that can replace lost ones, for a medium that is put away"],
    ["give <gateway …>", "tell gateways which keys sign"],
    ["--root <folder>", "give: signed by the root key there"],
    ["--timeout <s>", "give: how long each answer is waited for (60)"],
  ],
  send: [
    ["--timeout <s>", "how long to wait for the last answer (60); the gateway does not begin later than that"],
    ["--output <file>", "cam.snapshot: write the picture there"],
    ["--json", "every answer as a line of JSON"],
    UNSIGNED,
  ],
  broadcast: [
    ["--spread <s>", "over how long gateways spread their answers (5)"],
    ["--timeout <s>", "how long to wait for them"],
  ],
  watch: [
    ["--once <s>", "listen for so long, print one table, and end"],
    ["--rows <n>", "how many sites are shown (30; all with --once)"],
  ],
  config: [
    ["get", "what is held ready at the broker, and what the gateway says of it"],
    ["set <file>", "send the settings of a YAML or JSON file"],
    ["diff <file>", "what `set` would change"],
    ["rollback [version]", "send an earlier version again; without a number, the one before"],
    ["--probation <s>", "how long the gateway tries it before it keeps it (180)"],
    ["--timeout <s>", "how long to wait for what becomes of it (300)"],
    ["--url <https URL>", "where the gateway finds one of more than 64 KiB"],
    ["--sealing-key <key>", "for secrets, where the gateway has not published its own"],
    ["--force", "have a gateway take a version that is not above the one that runs"],
    UNSIGNED,
  ],
  jobs: [
    ["start <plan>", "begin what the YAML file says, and show it until it is over"],
    ["resume <job>", "go on after a pause, an interrupt, a stop or a crash"],
    ["pause <job>, cancel <job>", "take back what has not begun: for now, for good"],
    ["show <job>", "every gateway of a job, those that failed first"],
    ["list", "all jobs"],
    UNSIGNED,
  ],
  enrol: [
    ["ca [name]", "make the CA of a fleet"],
    ["--crl-url <http URL>", "ca: where brokers fetch the list of revoked certificates; it stands in all certificates"],
    ["broker <host …>", "a certificate of the broker, for all its names and addresses"],
    ["receiver <host …>", "the same of who receives clips or streams"],
    ["operator <name>", "a certificate for camgate noc"],
    ["gateway <gateway>", "the first certificate of a gateway"],
    ["renew <gateway>", "another one, over the link; the gateway makes the key"],
    ["replace <gateway>", "another one by hand; older ones are revoked"],
    ["revoke <gateway>", "its certificates hold no more"],
    ["decommission <gateway>", "that, and what the broker keeps of it is wiped"],
    ["--csr <file>", "gateway, replace: for a key that stays on the device (PKCS #10, PEM)"],
    ["--timeout <s>", "renew: how long each answer is waited for (120)"],
    ["--home-assistant <prefix>", "decommission: its devices there, too"],
    UNSIGNED,
  ],
  export: [["--listen <address>", "where Prometheus reads /metrics"]],
  log: [
    ["--level <level>", "error, warn, info or debug (info)"],
    ["--last <n>", "begin with so many lines of before (0)"],
    ["--timeout <s>", "how long an answer is waited for (60)"],
    UNSIGNED,
  ],
  receive: [
    ["--folder <folder>", "files are written below it"],
    ["--listen <address>", "where gateways reach it"],
    ["--tls-cert, --tls-key <file>", "its certificate and key; those of `enrol receiver` where nothing is said"],
    ["--client-ca, --crl <file>", "who vouches for gateways, and which certificates are revoked; those of `enrol ca`"],
    ["--quota <size>", "of all files together"],
    ["--max-file <size>", "of one file"],
    ["grant <name>", "print the `dest` that lets a gateway send one file of this name"],
    ["--url <https URL>", "grant: where gateways reach the receiver"],
    ["--ttl <s>", "grant: how long it holds (86400)"],
    ["--part-mb <n>", "grant: size of a part (8)"],
  ],
  simulate: [
    ["--sites <n>", "how many gateways (10)"],
    ["--prefix <text>", "what their names begin with"],
    ["--interval <s>", "between two telemetries of one (60)"],
    ["--cameras <n>", "of each (4)"],
    ["--spread <s>", "over how long they come (a hundred a second)"],
    ["--reconnect-cap <s>", "longest wait before one connects again (300)"],
    ["--command-keys <file>", "whose commands they take; without it they trust the broker"],
    ["--certificates <folder>", "<gateway>.crt and <gateway>.key of each"],
    ["--duration <s>", "end after so long"],
  ],
};

/** Lines for --help; each block ends with an empty one. */
export function helpOf(command: string): readonly string[] {
  return [...block("", ROWS[command] ?? []), ...(command === "send" ? block("Operations:", operationRows()) : [])];
}

function operationRows(): Rows {
  return operations.map(({ name, summary }) => [[name, argumentsText(name)].filter((text) => text !== "").join(" "), summary] as const);
}

const WIDEST = 32;

function block(heading: string, rows: Rows): readonly string[] {
  if (rows.length === 0) return [];
  const width = Math.min(WIDEST, Math.max(...rows.map(([name]) => name.length)));
  const lines = rows.flatMap(([name, text]) =>
    name.length > width ? [`  ${name}`, `  ${" ".repeat(width)}  ${text}`] : [`  ${name.padEnd(width)}  ${text}`],
  );
  return [...(heading === "" ? [] : [heading]), ...lines, ""];
}
