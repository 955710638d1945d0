// What happens to files, told in the order in which it happened, where some of it has to wait.

export class ToldInOrder {
  #telling: Promise<void> | undefined;

  /** At once, unless it or what is to be told before it has to wait for something. */
  tell(tell: () => void, waitFor?: Promise<unknown>): void {
    if (this.#telling === undefined && waitFor === undefined) {
      tell();
      return;
    }
    const telling = Promise.all([this.#telling, waitFor]).then(tell);
    this.#telling = telling;
    void telling.then(() => {
      if (this.#telling === telling) this.#telling = undefined;
    });
  }

  /** Resolves when all is told. */
  async told(): Promise<void> {
    await this.#telling;
  }
}
