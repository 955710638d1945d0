// `camgate noc jobs …`: a job for a fleet, ring by ring, from a plan to its end.
import { setTimeout as delay } from "node:timers/promises";
import { CallerFault, errorText } from "#base/errors.ts";
import { NodeFs } from "#base/node-fs.ts";
import { sitesAtBroker } from "#noc/fleet-call.ts";
import { type BrokerAccess, NocConnection } from "#noc/noc-connection.ts";
import { newRollout, Rollout, type RolloutState, type RolloutStatus } from "#noc/rollout.ts";
import { parseRolloutPlan } from "#noc/rollout-plan.ts";
import { runRollout } from "#noc/rollout-runner.ts";
import { RolloutStore, type Wish } from "#noc/rollout-store.ts";
import { rolloutLine, rolloutTable, siteJobLines } from "#noc/rollout-table.ts";
import { SigningKeyFolder } from "#noc/signing-keys.ts";
import { openUploadKey } from "#noc/upload-tokens.ts";
import {
  brokerOf,
  folderOf,
  type NocCall,
  noKeyFault,
  parseNocWords,
  readNamed,
  refuseMore,
  tenantOf,
  UsageFault,
  type Values,
} from "./noc-options.ts";

const ACTIONS = "start <plan>, resume <job>, pause <job>, cancel <job>, show <job> or list";
const JOB = /^[0-9A-Za-z_-]{1,64}$/;
const MAX_PLAN_BYTES = 8 << 20;
/** 3 in place of 0 where not everybody has done it. */
const EXIT_CODES: Readonly<Record<RolloutStatus, number>> = { done: 0, stopped: 2, paused: 4, cancelled: 5, running: 7 };
const NOT_ALL = 3;
const WISH_POLL_MS = 200;
/** Whoever runs it looks several times a second, but for the time that sending takes. */
const WISH_PATIENCE_MS = 60_000;

export async function runNocJobs(words: readonly string[], call: NocCall): Promise<number> {
  const { values, positionals } = parseNocWords(words, { unsigned: { type: "boolean" } }, call);
  const [action = "", name, ...more] = positionals;
  refuseMore(more);
  if (action === "list" && name === undefined) return list(values, call);
  if (action === "start") return start(name, values, call);
  if (!["resume", "pause", "cancel", "show"].includes(action)) throw new UsageFault(`jobs: ${ACTIONS}`);
  if (name === undefined || !JOB.test(name)) throw new CallerFault("invalid", `jobs ${action}: the name of a job is missing`);
  const store = new RolloutStore(new NodeFs(), folderOf(values), tenantOf(values), name);
  const state = await store.load();
  if (state === undefined) throw new CallerFault("not-found", `there is no job ${name} in ${folderOf(values)}: jobs list`);
  if (action === "show") {
    for (const line of [...rolloutTable(new Rollout(state), 0), "", ...siteJobLines(state)]) call.out.line(line);
    return 0;
  }
  return action === "resume" ? resume(store, state, values, call) : wish(store, state, action as Wish, values, call);
}

async function list(values: Values, { out }: NocCall): Promise<number> {
  const [fs, folder, tenant] = [new NodeFs(), folderOf(values), tenantOf(values)];
  const names = await RolloutStore.names(fs, folder, tenant);
  if (names.length === 0) out.line("there are no jobs: camgate noc jobs start <plan>");
  for (const name of names) {
    const state = await new RolloutStore(fs, folder, tenant, name).load().catch((error: unknown) => errorText(error));
    if (state !== undefined) out.line(typeof state === "string" ? state : rolloutLine(state));
  }
  return 0;
}

async function start(path: string | undefined, values: Values, call: NocCall): Promise<number> {
  if (path === undefined) throw new UsageFault("the file with the plan is missing");
  const plan = parseRolloutPlan((await readNamed(path, MAX_PLAN_BYTES)).toString("utf8"), path, Date.now());
  const tenant = tenantOf(values);
  const store = new RolloutStore(new NodeFs(), folderOf(values), tenant, plan.job);
  const access = await brokerOf(values);
  const isSigned = values["unsigned"] !== true;
  if (isSigned) await signerOf(values); // what is missing is said before anything is begun
  if ((await store.load()) !== undefined)
    throw new CallerFault("conflict", `there is a job ${plan.job} already: jobs resume ${plan.job}, or another name`);
  const gateways = plan.gateways ?? (await gatewaysOf(access, tenant, call.signal));
  if (gateways.length === 0) throw new CallerFault("not-found", `the broker knows no gateway of ${tenant}: name them as gateways`);
  const state = newRollout(plan, tenant, gateways, isSigned);
  if (!(await store.lock(Date.now()))) throw new CallerFault("conflict", `another program starts ${plan.job}`);
  try {
    await store.dropWish();
    await store.save(state);
    return await run(new Rollout(state), store, values, access, call);
  } finally {
    await store.unlock();
  }
}

async function resume(store: RolloutStore, { st }: RolloutState, values: Values, call: NocCall): Promise<number> {
  if (st === "done" || st === "cancelled") throw new CallerFault("conflict", `it is ${st}: start another one`);
  const access = await brokerOf(values);
  if (!(await store.lock(Date.now()))) throw new CallerFault("conflict", "another program runs it");
  try {
    await store.dropWish();
    const rollout = new Rollout((await store.load())!); // as the one that ran it last left it
    if (rollout.state.st !== "running") rollout.resume();
    return await run(rollout, store, values, access, call);
  } finally {
    await store.unlock();
  }
}

/** Told to whoever runs it; where nobody does, it is done here. */
async function wish(store: RolloutStore, { st }: RolloutState, wanted: Wish, values: Values, call: NocCall): Promise<number> {
  const isOver = st === "done" || st === "cancelled" || (st === "paused" && wanted === "pause");
  if (isOver) throw new CallerFault("conflict", `it is ${st} already`);
  const access = await brokerOf(values);
  await store.putWish(wanted);
  for (let waitedMs = 0; waitedMs < WISH_PATIENCE_MS && !call.signal.aborted; waitedMs += WISH_POLL_MS) {
    if (await store.lock(Date.now())) {
      try {
        const rollout = new Rollout((await store.load())!);
        if ((await store.wish()) === undefined) {
          call.out.line(rolloutLine(rollout.state)); // who ran it did so, and ended
          return 0;
        }
        await run(rollout, store, values, access, call);
        return rollout.state.st === "running" ? EXIT_CODES.running : 0;
      } finally {
        await store.unlock();
      }
    }
    await delay(WISH_POLL_MS, undefined, { signal: call.signal }).catch(() => {});
  }
  throw new CallerFault("timed-out", "whoever runs it has not done so yet: it has no connection, or is busy sending");
}

async function run(rollout: Rollout, store: RolloutStore, values: Values, access: BrokerAccess, call: NocCall): Promise<number> {
  const { out, columns, signal } = call;
  const { state } = rollout;
  const signer = state.isSigned ? await signerOf(values) : undefined;
  const uploadKey = state.receive === undefined ? undefined : await openUploadKey(new NodeFs(), folderOf(values));
  let shown = "";
  const show = (): void => {
    const lines = columns === undefined ? [rolloutLine(state)] : rolloutTable(rollout);
    const text = columns === undefined ? lines[0]! : `\x1b[H\x1b[2J${lines.map((line) => line.slice(0, columns)).join("\n")}`;
    if (text !== shown) out.line(text);
    shown = text;
  };
  show();
  await runRollout({ rollout, store, access, signer, uploadKey, onChange: show, onTrouble: (text) => out.line(text) }, signal);
  show(); // an interrupt may have come before the last of it was shown
  if (columns === undefined) for (const line of rolloutTable(rollout).slice(1)) out.line(line);
  if (state.st === "running" || state.st === "paused" || state.st === "stopped") out.line(`to go on: camgate noc jobs resume ${state.job}`);
  const isForAll = Object.values(state.sites).every(({ st }) => st === "ok");
  return state.st === "done" && !isForAll ? NOT_ALL : EXIT_CODES[state.st];
}

async function signerOf(values: Values) {
  const signer = await new SigningKeyFolder(new NodeFs(), folderOf(values)).signer();
  if (signer !== undefined) return signer;
  throw noKeyFault(values, "a job");
}

async function gatewaysOf(access: BrokerAccess, tenant: string, signal: AbortSignal): Promise<readonly string[]> {
  const connection = await NocConnection.open(access, signal);
  try {
    return (await sitesAtBroker(connection, tenant)).map(({ gatewayId }) => gatewayId).sort();
  } finally {
    await connection.close();
  }
}
