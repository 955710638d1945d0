// `camgate noc enrol`: certificates of gateways, from the first to the last.
import { join } from "node:path";
import { counted } from "#base/counted.ts";
import { CallerFault } from "#base/errors.ts";
import { NodeFs } from "#base/node-fs.ts";
import { parseStrictJson } from "#fleet/strict-json.ts";
import { Topics } from "#fleet/topics.ts";
import { CertificateAuthority } from "#noc/certificate-authority.ts";
import { NocConnection } from "#noc/noc-connection.ts";
import { brokerOf, folderOf, gatewayOf, type NocCall, parseNocWords, readNamed, refuseMore, textOf, UsageFault } from "./noc-options.ts";
import { renewCertificate } from "./noc-renew.ts";

const ACTIONS = ["ca", "broker", "receiver", "operator", "gateway", "renew", "replace", "revoke", "decommission"];
const MAX_CSR_BYTES = 64 * 1024;

export async function runNocEnrol(words: readonly string[], call: NocCall): Promise<number> {
  const texts = {
    csr: { type: "string" },
    timeout: { type: "string" },
    "home-assistant": { type: "string" },
    "crl-url": { type: "string" },
  } as const;
  const { values, positionals } = parseNocWords(words, { ...texts, unsigned: { type: "boolean" } }, call);
  const [action = "", name, ...more] = positionals;
  const { out } = call;
  if (!ACTIONS.includes(action)) throw new UsageFault(`enrol: ${ACTIONS.join(", ")}`);
  if (action !== "broker" && action !== "receiver") refuseMore(more);
  const authority = new CertificateAuthority(new NodeFs(), join(folderOf(values), "ca"));
  if (action === "ca") {
    await authority.make(name ?? "camgate-fleet", textOf(values, "crl-url"));
    out.line(`${authority.certificate}: who vouches for the broker (mqtt.ca of gateways), and for clients (cafile of the broker)`);
    out.line(
      `${authority.revokedList}: revoked certificates, for the broker (crlfile). Keep the folder to yourself: its ca.key makes gateways`,
    );
    return 0;
  }
  if (action === "broker") {
    const { certificate, key } = await authority.issueServer(action, positionals.slice(1));
    out.line(`${certificate}, ${key}: certfile and keyfile of the broker`);
    return 0;
  }
  if (action === "receiver") {
    const { certificate, key } = await authority.issueServer(action, positionals.slice(1));
    out.line(`${certificate}, ${key}: --tls-cert and --tls-key of camgate noc receive, which finds them there`);
    return 0;
  }
  if (action === "operator") {
    if (name === undefined) throw new UsageFault("the name of an operator is missing, such as noc-cli");
    const { certificate, key } = await authority.issueClient(name);
    out.line(`${certificate}, ${key}: --cert and --key of camgate noc; the broker's rules have to know '${name}'`);
    return 0;
  }
  const gateway = gatewayOf(values, name);
  const { gatewayId } = gateway;
  if (action === "renew") return await renewCertificate(gateway, authority, values, call);
  if (action === "gateway" || action === "replace") {
    const before = await authority.validSerials(gatewayId);
    if (action === "gateway" && before.length > 0)
      throw new CallerFault("conflict", `${gatewayId} has a certificate already: enrol replace makes another one, and revokes it`);
    const { certificate, key } = await authority.issueClient(gatewayId, await csrOf(textOf(values, "csr")));
    if (action === "replace") await revokeOthers(authority, gatewayId, call);
    out.line(
      `${certificate}${key === undefined ? "" : `, ${key}`}: mqtt.cert${key === undefined ? "" : " and mqtt.key"} of ${gatewayId}; mqtt.ca is ${authority.certificate}`,
    );
    return 0;
  }
  const prefix = textOf(values, "home-assistant");
  if (prefix !== undefined && !/^[0-9A-Za-z_-]{1,64}(?:\/[0-9A-Za-z_-]{1,64})*$/.test(prefix))
    throw new CallerFault("invalid", `--home-assistant: '${prefix}' is no prefix of topics, such as homeassistant`, "home-assistant");
  // What is wrong with the connection is found out before anything is revoked.
  const access = action === "decommission" ? await brokerOf(values) : undefined;
  const connection = access === undefined ? undefined : await NocConnection.open(access, call.signal);
  try {
    const revoked = await authority.revoke(gatewayId);
    out.line(
      `revoked: ${counted(revoked, "certificate")} of ${gatewayId}. Give ${authority.revokedList} to the broker, and let it read it`,
    );
    if (connection === undefined) return 0;
    const topics = new Topics(gateway);
    const kept = [topics.up("state"), topics.up("info"), topics.up("cfg"), topics.down("cfg"), topics.down("job")];
    if (prefix !== undefined) kept.push(`${prefix}/device/camgate-${gateway.tenant}-${gatewayId}/config`);
    const state = (await connection.retained([topics.up("state")])).get(topics.up("state"));
    for (const topic of kept) await connection.publish({ topic, payload: "", qos: 1, retain: true });
    out.line(`what the broker kept of it is wiped: ${kept.join(", ")}`);
    if (isOnline(state))
      out.line(
        `the last that ${gatewayId} said is that it is connected: if it is, it tells again how it is; then switch it off or end its connection, and do this again`,
      );
    return 0;
  } finally {
    await connection?.close();
  }
}

function isOnline(state: Buffer | undefined): boolean {
  const parsed = parseStrictJson(state?.toString("utf8") ?? "");
  return "value" in parsed && (parsed.value as { readonly online?: unknown } | null)?.online === true;
}

async function revokeOthers(authority: CertificateAuthority, name: string, { out }: NocCall): Promise<void> {
  const fresh = (await authority.validSerials(name)).at(-1);
  const revoked = await authority.revoke(name, fresh);
  out.line(
    `revoked: ${counted(revoked, "older certificate")}. Bring the new one to the gateway before the broker reads ${authority.revokedList}`,
  );
}

async function csrOf(path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  const bytes = await readNamed(path, MAX_CSR_BYTES, "csr");
  if (!bytes.includes("-----BEGIN CERTIFICATE REQUEST-----") && !bytes.includes("-----BEGIN NEW CERTIFICATE REQUEST-----"))
    throw new CallerFault("invalid", `--csr: ${path} is no request for a certificate (PKCS #10, PEM)`, "csr");
  return bytes;
}
