// A command line without a shell: split into words as a shell does it, then variables filled in word by word, so that no value can add a word.

/**
 * The words of a line (POSIX.1-2017 XCU §2.2): blanks and newlines separate; '…' is taken as it is; in "…" a backslash escapes $ ` " \ and removes a
 * newline; outside of quotes it escapes anything. undefined where a quote or an escape has no end.
 */
export function splitCommandLine(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < line.length; i++) {
    const character = line[i]!;
    if (character === " " || character === "\t" || character === "\n") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === "'") {
      const end = line.indexOf("'", i + 1);
      if (end < 0) return undefined;
      word = (word ?? "") + line.slice(i + 1, end);
      i = end;
    } else if (character === '"') {
      const end = closingQuote(line, i);
      if (end === undefined) return undefined;
      word = (word ?? "") + line.slice(i + 1, end).replace(/\\([$`"\\\n])/g, (_, escaped) => (escaped === "\n" ? "" : escaped));
      i = end;
    } else if (character === "\\") {
      i++;
      if (i === line.length) return undefined;
      if (line[i] !== "\n") word = (word ?? "") + line[i];
    } else word = (word ?? "") + character;
  }
  if (word !== undefined) words.push(word);
  return words;
}

function closingQuote(line: string, opening: number): number | undefined {
  for (let i = opening + 1; i < line.length; i++) {
    if (line[i] === "\\") i++;
    else if (line[i] === '"') return i;
  }
  return undefined;
}

/**
 * Each word with `$NAME` and `${NAME}` replaced, in whatever quotes they stood; a name that is nowhere becomes nothing. What a value holds is not looked
 * at again. Any other $ stays: `$?`, `$1` and `$(…)` are left to the shell that a command may start.
 */
export function expandVariables(words: readonly string[], variables: Readonly<Record<string, string | undefined>>): string[] {
  const lookUp = (name: string): string => (Object.hasOwn(variables, name) ? (variables[name] ?? "") : "");
  return words.map((word) =>
    word.replace(/\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g, (_, braced?: string, bare?: string) => lookUp(braced ?? bare ?? "")),
  );
}
