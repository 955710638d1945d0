// Ends the sessions of users who were removed, got another password, or lost the permission.
import { setImmediate } from "node:timers/promises";
import type { GatewayContext } from "./context.ts";

/** After new users are in force. Whoever was let in before and is not in the registry yet is in it by the next turn of the event loop, or is asked again. */
export async function endRevoked({
  sessions,
  authenticator,
  log,
}: Pick<GatewayContext, "sessions" | "authenticator" | "log">): Promise<void> {
  await setImmediate();
  for (const session of sessions.all()) {
    if (session.grant === undefined || authenticator.revalidate(session.grant)) continue;
    const who = session.user === "" ? "somebody without a name" : `user '${session.user}'`;
    log.child("auth").info(`${session.kind} ${session.id} of ${who} is closed: path '${session.path}' is not allowed any more`);
    session.close();
  }
}
