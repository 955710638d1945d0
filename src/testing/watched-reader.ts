// A reader over RTSP that notices any disturbance: its connection must be the same, and its packets must be numbered without a gap.
import assert from "node:assert/strict";
import { playOverTcp, RawRtspClient } from "./raw-rtsp-client.ts";

/** Packets that have to come after a change. */
const PACKETS = 20;

export class WatchedReader {
  readonly #client: RawRtspClient;
  readonly #name: string;

  private constructor(client: RawRtspClient, name: string) {
    this.#client = client;
    this.#name = name;
  }

  /** Resolves when packets come. */
  static async start(port: number, path: string): Promise<WatchedReader> {
    const client = await RawRtspClient.connect(port);
    await playOverTcp(client, `rtsp://127.0.0.1:${port}/${path}`);
    await client.when("packets", () => client.on(0).length > 0);
    return new WatchedReader(client, path);
  }

  get isClosed(): boolean {
    return this.#client.isClosed;
  }

  get closed(): Promise<void> {
    return this.#client.closed;
  }

  /** Rejects when anything was to be noticed since the start. */
  async noticesNothing(after: string): Promise<void> {
    const before = this.#client.on(0).length;
    await this.#client.when(
      `packets of ${this.#name} after: ${after}`,
      () => this.isClosed || this.#client.on(0).length >= before + PACKETS,
    );
    assert.ok(!this.isClosed, `${this.#name} was closed by: ${after}`);
    const numbers = this.#client.on(0).map((packet) => packet.readUInt16BE(2));
    for (let i = 1; i < numbers.length; i++) {
      assert.equal(numbers[i], (numbers[i - 1]! + 1) & 0xffff, `a gap in ${this.#name}, seen after: ${after}`);
    }
  }

  close(): void {
    this.#client.close();
  }
}
