// `camgate noc send <gateway> <op> [arguments]`: one command, its progress and its end.
import { CallerFault } from "#base/errors.ts";
import { NodeFs } from "#base/node-fs.ts";
import type { CommandAnswer, CommandState } from "#fleet/command-request.ts";
import { isPrivileged, parseCommandArguments } from "#noc/command-arguments.ts";
import { type CommandCall, callCommand, isTerminal } from "#noc/command-call.ts";
import { CommandCounter } from "#noc/command-counter.ts";
import { NocConnection } from "#noc/noc-connection.ts";
import { plainText } from "#noc/plain-text.ts";
import { SigningKeyFolder } from "#noc/signing-keys.ts";
import {
  brokerOf,
  folderOf,
  gatewayOf,
  type NocCall,
  noKeyFault,
  numberOf,
  parseNocWords,
  textOf,
  UsageFault,
  type Values,
} from "./noc-options.ts";
import { keepPicture } from "./noc-picture.ts";
import type { Output } from "./output.ts";

/** 1 is: it could not be sent. */
const EXIT_CODES: Readonly<Record<CommandState, number>> = { ok: 0, ack: 1, run: 1, rej: 2, err: 3, exp: 4, cancel: 5, lost: 6 };
const NO_ANSWER = 7;

export async function runNocSend(words: readonly string[], call: NocCall): Promise<number> {
  const { values, positionals } = parseNocWords(
    words,
    { timeout: { type: "string" }, output: { type: "string" }, unsigned: { type: "boolean" }, json: { type: "boolean" } },
    call,
  );
  const [name, op, ...rest] = positionals;
  const gateway = gatewayOf(values, name);
  if (op === undefined) throw new UsageFault("the operation is missing, such as ping or cam.restart");
  const args = parseCommandArguments(op, rest);
  const output = textOf(values, "output");
  if (output !== undefined && (op !== "cam.snapshot" || Object.hasOwn(args, "dest")))
    throw new CallerFault("invalid", "--output: is the file for the picture of cam.snapshot, without dest", "output");
  const timeoutMs = numberOf(values, "timeout", 60, 1, 86_400) * 1000;
  const access = await brokerOf(values);
  const signature = values["unsigned"] === true ? undefined : await signatureOf(values, op, args);
  const connection = await NocConnection.open(access, call.signal);
  let begun: string | null = null;
  try {
    const savePicture = output === undefined ? undefined : await keepPicture(connection, gateway, output);
    const wish = { gateway, op, args, signature, timeoutMs, progressSeconds: 1, nowMs: Date.now() };
    const show = (answer: CommandAnswer): void => {
      const isEnd = isTerminal(answer);
      begun = answer.id;
      for (const line of values["json"] === true ? [JSON.stringify(answer)] : answerLines(answer))
        if (isEnd || call.columns !== undefined || values["json"] === true) call.out.line(line);
    };
    const last = await callCommand(connection, { ...wish, onAnswer: show });
    if (last?.st === "ok") await savePicture?.(last.res, call.out);
    if (last !== undefined) return EXIT_CODES[last.st];
    const why = begun === null ? "the gateway is away (--timeout)" : `it takes longer (--timeout), and goes on${cancelHint(name!, begun)}`;
    call.out.line(`no last answer within ${timeoutMs / 1000} s: ${why}`);
    return NO_ANSWER;
  } catch (error) {
    if (!call.signal.aborted) throw error;
    call.out.line(begun === null ? "interrupted" : `interrupted: the command goes on${cancelHint(name!, begun)}`);
    return NO_ANSWER;
  } finally {
    await connection.close();
  }
}

/** Undefined: it goes unsigned. Rejects with a CallerFault where it must not and no key is there. */
export async function signatureOf(values: Values, op: string, args: Readonly<Record<string, unknown>>) {
  const fs = new NodeFs();
  const signer = await new SigningKeyFolder(fs, folderOf(values)).signer();
  if (signer !== undefined) return { signer, ctr: await new CommandCounter(fs, folderOf(values)).next() };
  if (!isPrivileged(op, args)) return undefined;
  throw noKeyFault(values, op);
}

/** A command that is a part of another one of ours: what it tells on the way is not shown. Resolves as `callCommand` does. */
export async function askGateway(
  connection: NocConnection,
  values: Values,
  { gateway, op, args, timeoutMs }: Pick<CommandCall, "gateway" | "op" | "args" | "timeoutMs">,
): Promise<CommandAnswer | undefined> {
  const signature = values["unsigned"] === true ? undefined : await signatureOf(values, op, args);
  return callCommand(connection, { gateway, op, args, signature, timeoutMs, progressSeconds: 60, nowMs: Date.now(), onAnswer: () => {} });
}

/** Says why there is no result. @returns the exit code: 3, or 7 where no answer came in time */
export function sayNoResult(answer: CommandAnswer | undefined, timeoutMs: number, out: Output): number {
  if (answer === undefined) out.line(`no answer within ${timeoutMs / 1000} s: the gateway is away, or takes longer (--timeout)`);
  else out.line(`${answer.st} ${plainText(`${answer.e?.c}: ${answer.e?.m}`)}`);
  return answer === undefined ? NO_ANSWER : EXIT_CODES.err;
}

function cancelHint(gatewayId: string, commandId: string): string {
  return `; to end it: camgate noc send ${gatewayId} cmd.cancel id=${plainText(commandId)}`;
}

function answerLines({ st, pct, msg, res, e }: CommandAnswer): string[] {
  const progress = pct === undefined ? "" : ` ${pct} %`;
  const text = msg === undefined ? "" : ` ${plainText(msg)}`;
  const fault =
    e === undefined ? "" : ` ${plainText(e.c)}: ${plainText(e.m)}${e.retry_s === undefined ? "" : `; try again in ${e.retry_s} s`}`;
  const isEmpty = res === undefined || (typeof res === "object" && res !== null && Object.keys(res).length === 0);
  return [`${st}${progress}${text}${fault}`, ...(isEmpty ? [] : [plainText(JSON.stringify(res), 65_536)])];
}
