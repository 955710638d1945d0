// One command to all gateways of a tenant, and who has answered it.
import { CallerFault } from "#base/errors.ts";
import type { CommandAnswer } from "#fleet/command-request.ts";
import { Topics } from "#fleet/topics.ts";
import { ulid } from "#fleet/ulid.ts";
import { isTerminal, parseAnswer } from "./command-call.ts";
import { FleetView, type SiteView } from "./fleet-view.ts";
import type { NocConnection } from "./noc-connection.ts";

export interface FleetCall {
  readonly tenant: string;
  readonly op: string;
  /** `spread_s`: over how long the answers come. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number;
  /** UTC. */
  utcMs(): number;
  /** Of one gateway, its last one. */
  onAnswer(gatewayId: string, answer: CommandAnswer): void;
}

export interface FleetAnswers {
  /** Last answers. */
  readonly answers: ReadonlyMap<string, CommandAnswer>;
  /** Gateways that the broker takes to be there, and that have not answered. */
  readonly missing: readonly string[];
}

const ANSWER_TOPIC = /^cg\/v1\/[a-z0-9]+\/([a-z0-9-]+)\/up\/res$/;
/** Those that the broker does not know of may answer as well. */
const LINGER_MS = 500;

/** All that the broker keeps a state of. */
export async function sitesAtBroker(connection: NocConnection, tenant: string): Promise<readonly SiteView[]> {
  const view = new FleetView();
  for (const [topic, payload] of await connection.retained([`cg/v1/${tenant}/+/up/state`]))
    view.take({ topic, payload, isRetained: true }, 0);
  return [...view.sites.values()];
}

/** What may be asked of all at once goes unsigned: a signature would have to name one gateway. Ends when all that are there have answered, or in time. */
export async function callFleet(connection: NocConnection, call: FleetCall): Promise<FleetAnswers> {
  const { tenant, op, args, timeoutMs, utcMs } = call;
  const answers = new Map<string, CommandAnswer>();
  const there = (await sitesAtBroker(connection, tenant)).filter(({ online }) => online === true);
  const missing = new Set(there.map(({ gatewayId }) => gatewayId));
  await connection.subscribe([`cg/v1/${tenant}/+/up/res`]);
  // What the broker keeps took a while to hear: what is asked holds from now on.
  const nowMs = utcMs();
  const id = ulid(nowMs);
  let timer: NodeJS.Timeout | undefined;
  let stop = (): void => {};
  try {
    const done = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
      stop = connection.listen(({ topic, payload }) => {
        const [, gateway] = ANSWER_TOPIC.exec(topic) ?? [];
        const answer = gateway === undefined ? undefined : parseAnswer(payload);
        if (gateway === undefined || answer?.id !== id || !isTerminal(answer) || answers.has(gateway)) return;
        answers.set(gateway, answer);
        call.onAnswer(gateway, answer);
        if (missing.delete(gateway) && missing.size === 0) setTimeout(resolve, LINGER_MS);
      });
    });
    const request = { v: 1, id, op, args, ts: nowMs, exp: nowMs + timeoutMs, mode: "once" };
    // The topic of all is the same for every gateway of the tenant.
    const topic = new Topics({ tenant, gatewayId: "all" }).fleetCommands;
    const expirySeconds = Math.ceil(timeoutMs / 1000);
    await connection.publish({ topic, payload: JSON.stringify(request), qos: 1, expirySeconds, contentType: "application/json" });
    const lost = connection.ended.then(({ message }) =>
      Promise.reject(new CallerFault("timed-out", `the connection was lost: ${message}`)),
    );
    await Promise.race([done, lost]);
    return { answers, missing: [...missing].sort() };
  } finally {
    clearTimeout(timer);
    stop();
  }
}
