// What comes from elsewhere, as it may stand on a terminal: one line, no control characters, of bounded length.

const MAX_CHARACTERS = 2000;

export function plainText(value: unknown, maxCharacters = MAX_CHARACTERS): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  const short = text.length > maxCharacters ? `${text.slice(0, maxCharacters - 1)}…` : text;
  return short.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, " ");
}
