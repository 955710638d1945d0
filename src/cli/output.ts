// Where a sub-command prints.

export interface Output {
  line(text: string): void;
}
