// Numbers of things, for people.

/** `1 error`, `2 errors`. Of nouns whose plural is an s more. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
