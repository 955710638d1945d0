// JSON as the contract takes it (RFC 8259), and nothing that two readers could understand in two ways: no key twice, no `__proto__`, not too deep.

export type StrictJson = { readonly value: unknown } | { readonly fault: string };

const MAX_DEPTH = 32;

/** Never throws; the fault is a text for people. The size of the text is the caller's to limit. */
export function parseStrictJson(text: string, maxDepth = MAX_DEPTH): StrictJson {
  const fault = shapeFault(text, maxDepth);
  if (fault !== undefined) return { fault };
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { fault: "it is not JSON" };
  }
}

const STRING = /"(?:[^"\\]|\\.)*"/y;

/** Looks at brackets and keys alone: whether the rest is JSON is for the parser to say. */
function shapeFault(text: string, maxDepth: number): string | undefined {
  /** Keys of each object that is open; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case "{":
      case "[":
        if (open.length === maxDepth) return `it is nested deeper than ${maxDepth}`;
        open.push(text[i] === "{" ? new Set() : undefined);
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case '"': {
        STRING.lastIndex = i;
        const literal = STRING.exec(text)?.[0];
        if (literal === undefined) return "it is not JSON";
        i += literal.length - 1;
        const keys = open.at(-1);
        const isKey = keys !== undefined && /^\s*:/.test(text.slice(i + 1, i + 64));
        if (!isKey) break;
        const key = keyOf(literal);
        if (key === undefined) return "it is not JSON";
        if (key === "__proto__") return "the key __proto__ is not allowed";
        if (keys.has(key)) return `the key ${key.slice(0, 40)} stands twice`;
        keys.add(key);
        break;
      }
    }
  }
  return undefined;
}

function keyOf(literal: string): string | undefined {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return undefined;
  }
}
