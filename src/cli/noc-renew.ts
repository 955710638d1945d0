// `camgate noc enrol renew`: a gateway gets another certificate over the link that the present one holds up. Its key never leaves it.
import { counted } from "#base/counted.ts";
import { NodeFs } from "#base/node-fs.ts";
import { readSmallFile } from "#base/read-small-file.ts";
import type { CommandAnswer } from "#fleet/command-request.ts";
import type { GatewayIdentity } from "#fleet/topics.ts";
import type { CertificateAuthority } from "#noc/certificate-authority.ts";
import { callCommand } from "#noc/command-call.ts";
import { NocConnection } from "#noc/noc-connection.ts";
import { plainText } from "#noc/plain-text.ts";
import { brokerOf, type NocCall, numberOf, type Values } from "./noc-options.ts";
import { signatureOf } from "./noc-send.ts";

const OP = "cert.renew";
const MAX_CERTIFICATE_BYTES = 64 * 1024;
/** As of `send`. */
const REFUSED = 3;
const NO_ANSWER = 7;

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
  const ask = async (args: Readonly<Record<string, unknown>>): Promise<CommandAnswer | undefined> => {
    const signature = values["unsigned"] === true ? undefined : await signatureOf(values, OP, args);
    const wish = { gateway, op: OP, args, signature, timeoutMs, progressSeconds: 60, nowMs: Date.now() };
    return callCommand(connection, { ...wish, onAnswer: () => {} });
  };
  const fail = (answer: CommandAnswer | undefined): number => {
    if (answer === undefined) out.line(`no answer within ${timeoutMs / 1000} s: the gateway is away, or takes longer (--timeout)`);
    else out.line(`${answer.st} ${plainText(`${answer.e?.c}: ${answer.e?.m}`)}`);
    return answer === undefined ? NO_ANSWER : REFUSED;
  };
  try {
    const asked = await ask({});
    const { csr } = (asked?.res ?? {}) as { readonly csr?: unknown };
    if (asked?.st !== "ok" || typeof csr !== "string") return fail(asked);
    const { certificate } = await authority.issueClient(gatewayId, Buffer.from(csr));
    const fresh = (await authority.validSerials(gatewayId)).find((serial) => !before.includes(serial));
    const pem = (await readSmallFile(new NodeFs(), certificate, MAX_CERTIFICATE_BYTES))!;
    const taken = await ask({ cert: pem.toString("utf8") });
    if (taken?.st !== "ok") {
      out.line(`${certificate} was issued, and the gateway does not show it; the one before is not revoked`);
      return fail(taken);
    }
    const revoked = await authority.revoke(gatewayId, fresh);
    out.line(`${certificate}: the gateway shows it, with a key of its own making`);
    out.line(`revoked: ${counted(revoked, "older certificate")}. Give ${authority.revokedList} to the broker, and let it read it`);
    return 0;
  } finally {
    await connection.close();
  }
}
