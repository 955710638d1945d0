// Names of uploads: a path of plain words below the receiver's folder, of which none can lead out of it or to what the receiver keeps there for itself.

const WORD = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const MAX_WORDS = 4;

/** What is wrong with a name such as `gw-0001/case-17.mp4`, or undefined. */
export function uploadNameFault(name: string): string | undefined {
  const words = name.split("/");
  return words.length <= MAX_WORDS && words.every((word) => WORD.test(word))
    ? undefined
    : `has to have 1 to ${MAX_WORDS} words of up to 100 letters, digits, dots, - and _, parted by /, each beginning with a letter or a digit`;
}

/** Of the path of a request, as it was sent; undefined: it is none. Escapes are none of it. */
export function parseUploadPath(path: string): string | undefined {
  const name = path.slice(1);
  return path.startsWith("/") && path.length <= 500 && uploadNameFault(name) === undefined ? name : undefined;
}
