// The ICE agents of all sessions, by the names that checks are addressed to.
import type { IceAgent } from "./ice-agent.ts";
import type { PeerPath } from "./peer-path.ts";
import { parseStun } from "./stun.ts";

/** `u:v` of RFC 8445 §7.2.2, nothing longer than credentials may be. */
const MAX_USERNAME = 513;

export class IceAgents {
  /** STUN that no session expects, or whose sender does not know the password. Nothing is answered: an answer to a forged address is an attack. */
  strangers = 0;
  readonly #byUfrag = new Map<string, IceAgent>();

  /** After each change of its credentials. */
  register(agent: IceAgent): void {
    for (const ufrag of agent.ufrags) this.#byUfrag.set(ufrag, agent);
  }

  remove(agent: IceAgent): void {
    for (const [ufrag, one] of this.#byUfrag) if (one === agent) this.#byUfrag.delete(ufrag);
  }

  /** A check: answered over the path it came, if a session expects it. `pathFor`: the path that belongs to where it came from. */
  onStun(bytes: Buffer, pathFor: (agent: IceAgent) => PeerPath): void {
    const message = parseStun(bytes);
    if (message?.kind !== "request" || message.method !== 1) return; // indications keep a path open, and answers answer nothing of ours
    const username = message.username ?? "";
    const agent = username.length <= MAX_USERNAME ? this.#byUfrag.get(username.split(":", 1)[0]!) : undefined;
    if (agent === undefined || !agent.isAuthentic(bytes, message)) {
      this.strangers++;
      return;
    }
    const path = pathFor(agent);
    path.send(agent.answer(message, path));
    this.#forgetFormer(agent, username);
  }

  /** The client uses its new credentials: the old ones are nobody's. */
  #forgetFormer(agent: IceAgent, username: string): void {
    if (agent.ufrags.length > 1 || !username.startsWith(agent.local.ufrag)) return;
    for (const [ufrag, one] of this.#byUfrag) if (one === agent && ufrag !== agent.local.ufrag) this.#byUfrag.delete(ufrag);
  }
}
