// Numbers of cameras in the index. A number is used again when nothing of its camera is left.
import { MAX_CAMERA_ID } from "./ring-state.ts";

export class CameraNames {
  readonly #names = new Map<number, string>();
  readonly #ids = new Map<string, number>();

  constructor(names: ReadonlyMap<number, string> = new Map()) {
    for (const [id, name] of names) this.set(id, name);
  }

  get names(): ReadonlyMap<number, string> {
    return this.#names;
  }

  nameOf(id: number): string | undefined {
    return this.#names.get(id);
  }

  idOf(name: string): number | undefined {
    return this.#ids.get(name);
  }

  set(id: number, name: string): void {
    this.forget(id);
    this.#names.set(id, name);
    this.#ids.set(name, id);
  }

  forget(id: number): void {
    const name = this.#names.get(id);
    if (name !== undefined) this.#ids.delete(name);
    this.#names.delete(id);
  }

  /** A number for a name that has none; undefined: all are taken. Those that `isUsed` says no to are taken back. */
  assign(name: string, isUsed: (id: number) => boolean): number | undefined {
    for (const id of [...this.#names.keys()]) if (!isUsed(id)) this.forget(id);
    for (let id = 1; id <= MAX_CAMERA_ID; id++) {
      if (this.#names.has(id)) continue;
      this.set(id, name);
      return id;
    }
    return undefined;
  }
}
