// `camgate noc time`: what time it is, for gateways that nothing else tells.
import { CallerFault } from "#base/errors.ts";
import { NodeFs } from "#base/node-fs.ts";
import { signJws } from "#fleet/jws.ts";
import { Topics } from "#fleet/topics.ts";
import { CommandCounter } from "#noc/command-counter.ts";
import { NocConnection } from "#noc/noc-connection.ts";
import { SigningKeyFolder } from "#noc/signing-keys.ts";
import { brokerOf, folderOf, gatewayOf, type NocCall, parseNocWords, UsageFault } from "./noc-options.ts";

/** 2026-01-01: before it this machine's own clock was never set. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

export async function runNocTime(words: readonly string[], call: NocCall): Promise<number> {
  const { values, positionals } = parseNocWords(words, {}, call);
  if (positionals.length === 0) throw new UsageFault("the names of gateways are missing");
  if (Date.now() < EARLIEST_MS) throw new CallerFault("invalid", "this machine's own clock is not set");
  const gateways = positionals.map((name) => gatewayOf(values, name));
  const fs = new NodeFs();
  const signer = await new SigningKeyFolder(fs, folderOf(values)).signer();
  if (signer === undefined)
    throw new CallerFault("not-found", `the time has to be signed, and ${folderOf(values)} has no key: camgate noc keys make`);
  const counter = new CommandCounter(fs, folderOf(values));
  const connection = await NocConnection.open(await brokerOf(values), call.signal);
  try {
    for (const gateway of gateways) {
      const { tenant, gatewayId } = gateway;
      const ctr = await counter.next();
      const payload = signJws(JSON.stringify({ v: 1, ts: Date.now(), ctr, aud: `${tenant}/${gatewayId}` }), signer.kid, signer.privateKey);
      // With QoS 0: one that is not there is told nothing, since it would be another time by then.
      await connection.publish({ topic: new Topics(gateway).down("time"), payload, qos: 0 });
      call.out.line(`${gatewayId}: told`);
    }
    return 0;
  } finally {
    await connection.close();
  }
}
