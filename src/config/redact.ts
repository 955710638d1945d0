// Takes secrets out of settings before they are shown.

import { credentialsEnd } from "#base/url-parts.ts";
import type { Setting, ValueType } from "./setting.ts";

export const redacted = "<redacted>";

/** A copy of a setting's value that can be shown: secret fields and passwords inside URLs are replaced, empty ones stay empty. */
export function redactValue(value: unknown, setting: Pick<Setting, "type" | "secret">): unknown {
  return redactTyped(value, setting.type, setting.secret === true);
}

function redactTyped(value: unknown, type: ValueType, secret: boolean): unknown {
  switch (type.kind) {
    case "text":
      return secret && value !== "" ? redacted : redactText(value as string);
    case "list":
      return (value as readonly unknown[]).map((item) => redactTyped(item, type.of, secret));
    case "object":
      return Object.fromEntries(
        Object.entries(type.fields).map(([name, field]) => [
          name,
          redactTyped((value as Record<string, unknown>)[name], field.type, field.secret === true),
        ]),
      );
    default:
      return value;
  }
}

/**
 * Replaces passwords of URLs inside a text, and values of parameters that are named like secrets; SRT stream ids (at most 512 characters) hold
 * one as well. The lengths in the expressions keep the work in proportion to the text.
 */
export function redactText(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]{0,31}:\/\/)(\S*)/gi, (_, scheme: string, rest: string) => `${scheme}${redactCredentials(rest)}`)
    .replace(/(?<![a-z])(pass|passwd|password|pwd|token|secret|passphrase|jwt)=([^&\s"'/]+)/gi, `$1=${redacted}`)
    .replace(/(streamid=[a-z]+:[^:&\s]*:[^:&\s]*:)[^:&\s]+/gi, `$1${redacted}`)
    .replace(/(streamid=#!::\S{0,512}?(?<![a-z])s=)[^,&\s]+/gi, `$1${redacted}`);
}

function redactCredentials(rest: string): string {
  const nested = /^[a-z][a-z0-9+.-]*:\/\//i.exec(rest)?.[0] ?? "";
  const own = rest.slice(nested.length);
  const end = credentialsEnd(own);
  const colon = own.indexOf(":");
  return end === -1 || colon === -1 || colon > end ? rest : `${nested}${own.slice(0, colon)}:${redacted}${own.slice(end)}`;
}
