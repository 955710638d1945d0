// A stream as a push reads it, for tests that have no path.
import type { OpenRead } from "#relay/push.ts";
import type { Stream } from "#relay/stream.ts";

export function readOf(stream: Stream): OpenRead {
  return async (reader) => {
    const stop = (): void => stream.removeReader(reader);
    return { stream, start: () => stream.addReader(reader), pause: stop, close: stop };
  };
}
