// Where a sub-command prints.

export interface Output {
  line(text: string): void;
  /** Why a command cannot be done, where that goes elsewhere than what it prints. */
  fault?(text: string): void;
}
