// Every topic of the contract, §3: who publishes it, how, and what is in it.
import { command, desiredConfig, fleetCommand, job, nocState, timeHint } from "./downlink.table.ts";
import type { JsonSchema } from "./schema.ts";
import { telemetry } from "./telemetry.table.ts";
import { bulkLine, configReport, event, info, jobUpdate, logLines, response, state } from "./uplink.table.ts";

export interface Message {
  /** Of the schema's file and the channel. */
  readonly name: string;
  /** With `{tenant}`, `{gateway}`, `{rid}` and `{bid}`. */
  readonly topic: string;
  readonly from: "gateway" | "noc";
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** Seconds after which a broker with MQTT 5 forgets it. */
  readonly expirySeconds?: number;
  readonly contentType: "application/json" | "application/gzip" | "application/octet-stream";
  /** May come as JWS, with this as the payload. */
  readonly isSigned?: boolean;
  readonly summary: string;
  /** Absent: bytes. */
  readonly schema?: JsonSchema;
}

const WEEK_S = 7 * 86_400;
const up = (name: string): string => `cg/v1/{tenant}/{gateway}/up/${name}`;
const down = (name: string): string => `cg/v1/{tenant}/{gateway}/dn/${name}`;
const fromGateway = { from: "gateway", contentType: "application/json", retain: false } as const;
const toGateway = { from: "noc", contentType: "application/json", qos: 1, retain: false } as const;

export const messages: readonly Message[] = [
  { ...fromGateway, name: "up-state", topic: up("state"), qos: 1, retain: true, summary: "Birth, death and will.", schema: state },
  {
    ...fromGateway,
    name: "up-info",
    topic: up("info"),
    qos: 1,
    retain: true,
    summary: "Inventory, on change and once a boot.",
    schema: info,
  },
  { ...fromGateway, name: "up-tel", topic: up("tel"), qos: 0, expirySeconds: 600, summary: "Health, every minute.", schema: telemetry },
  { ...fromGateway, name: "up-evt", topic: up("evt"), qos: 1, expirySeconds: WEEK_S, summary: "One event.", schema: event },
  {
    ...{ ...fromGateway, name: "up-bulk", topic: up("bulk"), qos: 1, contentType: "application/gzip" },
    ...{ expirySeconds: WEEK_S, summary: "What waited in an outage: gzip of JSON lines; this is one line.", schema: bulkLine },
  },
  {
    ...{ ...fromGateway, name: "up-res", topic: up("res"), qos: 1, expirySeconds: WEEK_S },
    ...{ summary: "Answers to commands. On up/res/{rid} where the request's response topic asks for it.", schema: response },
  },
  { ...fromGateway, name: "up-cfg", topic: up("cfg"), qos: 1, retain: true, summary: "Which desired config runs.", schema: configReport },
  { ...fromGateway, name: "up-job", topic: up("job"), qos: 1, summary: "How a job is.", schema: jobUpdate },
  {
    ...{ ...fromGateway, name: "up-blob", topic: up("blob/{bid}"), qos: 1, contentType: "application/octet-stream" },
    summary: "A small picture, up to 64 KiB.",
  },
  { ...fromGateway, name: "up-log", topic: up("log"), qos: 0, summary: "Lines of the log, while asked for.", schema: logLines },
  { ...toGateway, name: "dn-cmd", topic: down("cmd"), isSigned: true, summary: "A command. Never retained.", schema: command },
  {
    ...toGateway,
    name: "dn-cfg",
    topic: down("cfg"),
    retain: true,
    isSigned: true,
    summary: "The config that is wanted.",
    schema: desiredConfig,
  },
  { ...toGateway, name: "dn-job", topic: down("job"), retain: true, isSigned: true, summary: "The next job; empty: none.", schema: job },
  {
    ...toGateway,
    name: "dn-time",
    topic: down("time"),
    qos: 0,
    isSigned: true,
    summary: "The time, for sites without NTP.",
    schema: timeHint,
  },
  {
    ...{ ...toGateway, name: "fleet-cmd", topic: "cg/v1/{tenant}/_fleet/dn/cmd" },
    ...{ summary: "A command to all gateways of a tenant. Never retained.", schema: fleetCommand },
  },
  {
    ...toGateway,
    name: "noc-state",
    topic: "cg/v1/_noc/state",
    retain: true,
    summary: "Whether the NOC takes in what is sent.",
    schema: nocState,
  },
];
