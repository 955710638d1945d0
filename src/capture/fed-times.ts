// When what a coder makes was captured: by the times of what it was given.

/** Beyond the end of what was given, a time is of something else. */
const MAX_DRIFT_US = 100_000;

export interface Captured {
  /** This machine's monotonic clock. */
  readonly captureUs: number;
  /** The camera's clock, µs since 1970, where it has an accepted one. */
  readonly senderUtcUs?: number;
}

interface Fed extends Captured {
  readonly timeUs: number;
  readonly endUs: number;
}

/** Holds what was given since the newest question. */
export class FedTimes {
  readonly #fed: Fed[] = [];

  /** `timeUs`: later than the one before. */
  note(timeUs: number, durationUs: number, { captureUs, senderUtcUs }: Captured): void {
    this.#fed.push({ timeUs, endUs: timeUs + durationUs, captureUs, ...(senderUtcUs !== undefined && { senderUtcUs }) });
  }

  /** What belongs to a time; those that are asked for do not go back. undefined: nothing that was given is near it. */
  at(timeUs: number): Captured | undefined {
    const last = this.#fed.at(-1);
    if (last === undefined || timeUs > last.endUs + MAX_DRIFT_US) return undefined;
    while (this.#fed.length > 1 && this.#fed[1]!.timeUs <= timeUs) this.#fed.shift();
    const { timeUs: nearUs, captureUs, senderUtcUs } = this.#fed[0]!;
    const afterUs = timeUs - nearUs;
    return { captureUs: captureUs + afterUs, ...(senderUtcUs !== undefined && { senderUtcUs: senderUtcUs + afterUs }) };
  }
}
