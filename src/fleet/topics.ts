// The topic tree of the contract: cg/v1/{tenant}/{gateway}/{up|dn}/…

/** What a tenant's and a gateway's name may be: no other character ever reaches a topic. */
const TENANT = /^[a-z0-9]{2,16}$/;
const GATEWAY = /^[a-z0-9][a-z0-9-]{2,31}$/;

export const NOC_STATE_TOPIC = "cg/v1/_noc/state";

export interface GatewayIdentity {
  readonly tenant: string;
  readonly gatewayId: string;
}

/** What is wrong with a name, for people. */
export function tenantFault(tenant: string): string | undefined {
  return TENANT.test(tenant) ? undefined : "has to be 2 to 16 lower-case letters and digits";
}

export function gatewayIdFault(gatewayId: string): string | undefined {
  return GATEWAY.test(gatewayId)
    ? undefined
    : "has to be 3 to 32 lower-case letters, digits and hyphens, and to begin with a letter or a digit";
}

/** What a gateway publishes. */
export type UpTopic = "state" | "info" | "tel" | "evt" | "bulk" | "res" | "cfg" | "job" | "blob" | "log";
/** What a gateway is sent. */
export type DownTopic = "cmd" | "cfg" | "job" | "time";

export class Topics {
  readonly root: string;
  readonly fleetCommands: string;

  constructor({ tenant, gatewayId }: GatewayIdentity) {
    this.root = `cg/v1/${tenant}/${gatewayId}`;
    this.fleetCommands = `cg/v1/${tenant}/_fleet/dn/cmd`;
  }

  up(name: UpTopic): string {
    return `${this.root}/up/${name}`;
  }

  down(name: DownTopic): string {
    return `${this.root}/dn/${name}`;
  }

  /** All that a gateway listens to. */
  get subscriptions(): readonly string[] {
    return [this.down("cmd"), this.down("cfg"), this.down("job"), this.down("time"), this.fleetCommands, NOC_STATE_TOPIC];
  }

  /** Where an answer goes: where the request asked for it, if that is a place of this gateway's own; else it would speak for others. */
  responseTopic(asked: string | undefined): string {
    const own = this.up("res");
    if (asked === undefined || !asked.startsWith(own)) return own;
    const rest = asked.slice(own.length);
    return /^(?:\/[A-Za-z0-9_-]{1,64})?$/.test(rest) ? asked : own;
  }
}
