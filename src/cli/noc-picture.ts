// The picture of `cam.snapshot`, which comes beside the answer, into a file.
import { createHash } from "node:crypto";
import { CallerFault, errorText } from "#base/errors.ts";
import { NodeFs } from "#base/node-fs.ts";
import { replaceFile } from "#base/replace-file.ts";
import { type GatewayIdentity, Topics } from "#fleet/topics.ts";
import type { NocConnection } from "#noc/noc-connection.ts";
import type { Output } from "./output.ts";

/** Others may ask the same gateway for pictures meanwhile. */
const MOST_KEPT = 32;

/** Listens for the pictures of a gateway from now on; the returned function writes the one that a result names. It rejects with a CallerFault. */
export async function keepPicture(
  connection: NocConnection,
  gateway: GatewayIdentity,
  path: string,
): Promise<(result: unknown, out: Output) => Promise<void>> {
  const prefix = `${new Topics(gateway).up("blob")}/`;
  const pictures = new Map<string, Buffer>();
  connection.listen(({ topic, payload }) => {
    if (!topic.startsWith(prefix)) return;
    pictures.set(topic.slice(prefix.length), payload);
    const [oldest] = pictures.keys();
    if (pictures.size > MOST_KEPT) pictures.delete(oldest!);
  });
  await connection.subscribe([`${prefix}+`]);
  return async (result, out) => {
    const { bid, sha256 } = (result ?? {}) as { readonly bid?: unknown; readonly sha256?: unknown };
    // It is sent before the answer is, so it is here.
    const bytes = typeof bid === "string" ? pictures.get(bid) : undefined;
    if (bytes === undefined)
      throw new CallerFault("not-found", "--output: the gateway took a picture, and it did not come over the broker");
    if (createHash("sha256").update(bytes).digest("hex") !== sha256)
      throw new CallerFault("invalid", "--output: the picture that came has another digest than the answer says");
    await replaceFile(new NodeFs(), path, bytes).catch((error: unknown) => {
      throw new CallerFault("invalid", `--output: ${path} cannot be written: ${errorText(error)}`, "output");
    });
    out.line(`${path}: ${bytes.length} bytes`);
  };
}
