// Commands that replace what the link stands on: the keys that sign, and the gateway's own certificate.
import { CallerFault } from "#base/errors.ts";
import type { Command } from "#control/command.ts";
import { ROTATION } from "./command-keys.ts";
import type { LinkCertificates } from "./link-certificates.ts";

export interface RenewalCommandsOptions {
  readonly keys: { rotate(keys: unknown): Promise<void> };
  readonly certificates: Pick<LinkCertificates, "request" | "offer" | "withdraw">;
  readonly gatewayId: string;
  /** UTC, ms; undefined: nobody knows the time. */
  utcMs(): number | undefined;
  /** The link connects anew, with the credentials of then. */
  reconnect(): Promise<void>;
}

const MAX_CERTIFICATE_LENGTH = 16_384;

export function renewalCommands({ keys, certificates, gatewayId, utcMs, reconnect }: RenewalCommandsOptions) {
  const rotating: Command<unknown, object> = {
    name: ROTATION,
    scope: "admin",
    summary: "Replaces the keys that may sign; signed by one of them, or by the root key.",
    parse: (input) => (input as { readonly keys?: unknown }).keys,
    run: async (list) => {
      await keys.rotate(list);
      return {};
    },
  };
  const renewing: Command<string | undefined, object> = {
    name: "cert.renew",
    scope: "admin",
    summary: "Makes a request for a certificate; then takes the one that was issued, if a broker takes it.",
    parse: (input) => {
      const { cert } = (input ?? {}) as { readonly cert?: unknown };
      if (cert === undefined) return undefined;
      if (typeof cert !== "string" || cert.length > MAX_CERTIFICATE_LENGTH)
        throw new CallerFault("invalid", `cert: has to be a certificate in PEM, of ${MAX_CERTIFICATE_LENGTH} characters at most`, "cert");
      return cert;
    },
    run: async (cert, { signal, progress }) => {
      if (cert === undefined) return { csr: await certificates.request(gatewayId) };
      const { taken } = await certificates.offer(cert, utcMs());
      const withdraw = (): void => void certificates.withdraw(signal.reason as Error);
      signal.addEventListener("abort", withdraw, { once: true });
      if (signal.aborted) withdraw();
      progress(50, "the link is made anew, with the new certificate");
      await reconnect();
      const { serialNumber, validTo } = await taken;
      signal.removeEventListener("abort", withdraw);
      return { serial: serialNumber, not_after: Date.parse(validTo) };
    },
  };
  return [rotating, renewing] as const;
}
