// The outputs of a board that the config gives names to: relays, lamps, a camera's supply.

export interface GpioOutputs {
  /** In the order of the config. */
  readonly names: readonly string[];
  /** Of one of the names. On the line when it resolves. Rejects with the system's error. */
  set(name: string, value: 0 | 1): Promise<void>;
}
