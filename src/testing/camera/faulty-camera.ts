// Rows of the fault table by hand: the faulty camera on a port, in real time, for whatever gateway is pointed at it.
import { SystemClock } from "#base/clock.ts";
import type { Fault, FaultCase, Step } from "../faults/fault.ts";
import { FAULTS } from "../faults/fault-list.ts";
import { FaultRig } from "../faults/fault-rig.ts";

/** In place of an id: names them all. */
export const FAULT_LIST = "list";

export interface ServeOptions {
  /** Of the first camera; the others follow. 0: any free ones. */
  readonly port: number;
  /** Takes a line for a person. */
  print(text: string): void;
}

/** Throws a RangeError that says how to find the ids. */
export function faultOf(id: string): Fault {
  const found = FAULTS.find((fault) => fault.id === id.toUpperCase());
  if (found === undefined) throw new RangeError(`there is no fault ${id}: --fault ${FAULT_LIST} names those there are`);
  return found;
}

/** A line for each: id and title. */
export function listFaults(): string {
  return FAULTS.map(({ id, title }) => `${id.padEnd(5)} ${title}`).join("\n");
}

/** Starts a camera for each case of a fault, on neighbouring ports, and says what each will do. Rejects with the system's error. */
export async function serveFault(
  fault: Fault,
  { port, print }: ServeOptions,
): Promise<{ readonly urls: readonly string[]; close(): Promise<void> }> {
  const clock = new SystemClock();
  const rigs: FaultRig[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(rigs.map((rig) => rig.close()));
  };
  print(`${fault.id}: ${fault.title}`);
  try {
    for (const faultCase of fault.cases) {
      for (let copy = 0; copy < (faultCase.stimulus.copies ?? 1); copy++) {
        const rig: FaultRig = await FaultRig.start(faultCase.stimulus, {
          clock,
          port: port === 0 ? 0 : port + rigs.length,
          seed: copy + 1,
          onStep: (step) => print(`port ${rig.proxy.port}, ${seconds(rig.elapsedMs)}: ${step.does}`),
        });
        rigs.push(rig);
        print(`\n${describe(faultCase, rig)}`);
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  print("\nTimes count from the first connection. Each camera waits for its own.");
  return { urls: rigs.map(({ url }) => url), close };
}

/** What the camera will do, and an entry of a gateway's config that pulls it. */
function describe({ name, stimulus, expected }: FaultCase, rig: FaultRig): string {
  const transport = expected.source.options?.transport;
  return [
    ...(name === "" ? [] : [name]),
    `  ${stimulus.does}`,
    ...(stimulus.steps ?? []).map((step) => `  ${seconds(step.atMs).padStart(8)}  ${step.does}${placeOf(step)}`),
    "  In the gateway's config:",
    "    paths:",
    `      port${rig.proxy.port}:`,
    `        source: ${rig.url}`,
    ...(transport === undefined ? [] : [`        rtspTransport: ${transport}`]),
  ].join("\n");
}

function placeOf({ actOnSite }: Step): string {
  return actOnSite === undefined ? "" : " (at the gateway: to be done by hand)";
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
