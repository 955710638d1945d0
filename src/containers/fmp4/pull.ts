// Parsers that ask for bytes of a file: they name offset and size, their caller reads, and they go on. So they do no input themselves.

export interface ReadRequest {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Each request is answered with up to `sizeBytes` bytes from `offset` on, fewer only where the file ends. */
export type Pull<T> = Generator<ReadRequest, T, Buffer>;

/** Runs a parser over a file. Rejects as `read` does. */
export async function pull<T>(steps: Pull<T>, read: (offset: number, sizeBytes: number) => Promise<Buffer>): Promise<T> {
  for (let step = steps.next(); ; ) {
    if (step.done === true) return step.value;
    step = steps.next(await read(step.value.offset, step.value.sizeBytes));
  }
}

/** Runs a parser over a file in memory. */
export function pullFrom<T>(steps: Pull<T>, bytes: Buffer): T {
  for (let step = steps.next(); ; ) {
    if (step.done === true) return step.value;
    const { offset, sizeBytes } = step.value;
    step = steps.next(bytes.subarray(offset, offset + sizeBytes));
  }
}
