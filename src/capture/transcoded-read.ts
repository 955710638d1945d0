// A path's picture encoded anew for one reader: an encoder runs from when it has its place until it leaves.
import type { Writable } from "node:stream";
import { deferred } from "#base/deferred.ts";
import { errorText, PeerFault } from "#base/errors.ts";
import { tsRefusal } from "#containers/mpegts/carriage.ts";
import type { ReadLease } from "#relay/path.ts";
import type { OpenRead } from "#relay/push.ts";
import type { EndReason, Reader } from "#relay/reader.ts";
import type { Source } from "#relay/source.ts";
import type { Stream } from "#relay/stream.ts";
import type { Track } from "#relay/track.ts";
import type { Face } from "#relay/unit.ts";
import { VideoFeed } from "./video-feed.ts";

export interface TranscodedReadOptions {
  /** The path's own stream. */
  readonly open: OpenRead;
  /** An encoder that gives its input to `feed` when it runs. */
  encoder(feed: (input: Writable) => void): Source;
  makeStream(tracks: readonly Track[], native: Face): Stream;
}

/** The reader that it opens for gets the picture alone. Rejects with the fault of `open`, or a PeerFault: `unsupported`, or why the encoder does not run. */
export function transcodedRead(options: TranscodedReadOptions): OpenRead {
  return (reader) => new Transcoding(options, reader).open();
}

class Transcoding {
  readonly #options: TranscodedReadOptions;
  readonly #reader: Reader;
  readonly #abort = new AbortController();
  readonly #ready = deferred<Stream>();
  #place: ReadLease | undefined;
  #feed: VideoFeed | undefined;
  #stream: Stream | undefined;
  #isOver = false;

  constructor(options: TranscodedReadOptions, reader: Reader) {
    this.#options = options;
    this.#reader = reader;
  }

  async open(): Promise<ReadLease> {
    // The track to be fed is known only with the place: until then the reader that has it is asked for nothing.
    const seat: Reader = {
      name: "video encoder",
      liveOnly: true,
      wants: (track) => this.#feed?.wants(track),
      onUnit: (unit) => this.#feed?.onUnit(unit),
      onRestart: () => this.#feed?.onRestart(),
      onEnd: (reason) => this.#finish(reason),
    };
    const place = await this.#options.open(seat);
    this.#place = place;
    try {
      const track = place.stream.tracks.find(({ kind }) => kind === "video");
      const refusal = track === undefined ? "there is no picture" : tsRefusal(track);
      if (track === undefined || refusal !== undefined) throw new PeerFault("unsupported", `it cannot be encoded anew: ${refusal}`);
      const feed = new VideoFeed({ track, onEnd: (reason) => this.#finish(reason) });
      this.#feed = feed;
      this.#run((input) => {
        feed.begin(input);
        place.start();
      });
      const stream = await this.#ready.promise;
      return {
        stream,
        start: () => {
          if (!this.#isOver) stream.addReader(this.#reader);
        },
        pause: () => stream.removeReader(this.#reader),
        close: () => this.#finish("closed"),
      };
    } catch (error) {
      this.#finish("closed");
      throw error;
    }
  }

  #run(feed: (input: Writable) => void): void {
    const sink = { ready: (tracks: readonly Track[], native: Face) => this.#begin(tracks, native) };
    const end = (error: unknown): void => {
      this.#ready.reject(error instanceof PeerFault ? error : new PeerFault("ended", errorText(error)));
      this.#finish("source-ended");
    };
    this.#options
      .encoder(feed)
      .run(sink, this.#abort.signal)
      .then(() => end(new PeerFault("ended", "the encoder ended")), end);
    this.#ready.promise.catch(() => {}); // whoever waits for it sees it
  }

  #begin(tracks: readonly Track[], native: Face): ReturnType<Stream["begin"]> {
    this.#stream ??= this.#options.makeStream(tracks, native);
    const publish = this.#stream.begin(tracks, native);
    this.#ready.resolve(this.#stream);
    return publish;
  }

  /** Once. The reader is told, attached or not. */
  #finish(reason: EndReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#feed?.onEnd(reason); // whose standard input does not end is slow to notice anything else
    this.#abort.abort();
    this.#place?.close();
    this.#ready.reject(new PeerFault("ended", `the stream ended: ${reason}`));
    const isAttached = this.#stream?.readers.has(this.#reader) === true;
    this.#stream?.end(reason);
    if (!isAttached && reason !== "closed") this.#reader.onEnd(reason);
  }
}
