// `camgate noc enrol renew`: a gateway gets another certificate over the link that the present one holds up. Its key never leaves it.
import { counted } from "#base/counted.ts";
import { NodeFs } from "#base/node-fs.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import type { CommandAnswer } from "#fleet/command-request.ts";
import type { GatewayIdentity } from "#fleet/topics.ts";
import type { CertificateAuthority } from "#noc/certificate-authority.ts";
import { NocConnection } from "#noc/noc-connection.ts";
import { brokerOf, type NocCall, numberOf, type Values } from "./noc-options.ts";
import { askGateway, sayNoResult } from "./noc-send.ts";

const MAX_CERTIFICATE_BYTES = 64 * 1024;

/** Resolves with the exit code. */
export async function renewCertificate(
  gateway: GatewayIdentity,
  authority: CertificateAuthority,
  values: Values,
  { out, signal }: NocCall,
): Promise<number> {
  const { gatewayId } = gateway;
  const timeoutMs = numberOf(values, "timeout", 120, 1, 86_400) * 1000;
  const before = await authority.validSerials(gatewayId);
  const connection = await NocConnection.open(await brokerOf(values), signal);
  const ask = (args: Readonly<Record<string, unknown>>): Promise<CommandAnswer | undefined> =>
    askGateway(connection, values, { gateway, op: "cert.renew", args, timeoutMs });
  try {
    const asked = await ask({});
    const { csr } = (asked?.res ?? {}) as { readonly csr?: unknown };
    if (asked?.st !== "ok" || typeof csr !== "string") return sayNoResult(asked, timeoutMs, out);
    const { certificate } = await authority.issueClient(gatewayId, Buffer.from(csr));
    const fresh = (await authority.validSerials(gatewayId)).find((serial) => !before.includes(serial));
    const pem = (await readSmallFile(new NodeFs(), certificate, MAX_CERTIFICATE_BYTES))!;
    const taken = await ask({ cert: pem.toString("utf8") });
    if (taken?.st !== "ok") {
      out.line(`${certificate} was issued, and the gateway does not show it; the one before is not revoked`);
      return sayNoResult(taken, timeoutMs, out);
    }
    const revoked = await authority.revoke(gatewayId, fresh);
    out.line(`${certificate}: the gateway shows it, with a key of its own making`);
    out.line(`revoked: ${counted(revoked, "older certificate")}. Give ${authority.revokedList} to the broker, and let it read it`);
    return 0;
  } finally {
    await connection.close();
  }
}
