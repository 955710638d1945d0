// What can be asked of a gateway, whoever asks: one table serves the HTTP API and the MQTT link. Knows no feature.
import { CallerFault, errorText } from "#base/errors.ts";

/** `read` looks; `operate` does what an operator does every day; `admin` changes what the gateway is. All but `read` are privileged in the MQTT contract. */
export type CommandScope = "read" | "operate" | "admin";

/** What a command shows of a path: how it is now, or what was recorded of it. Who may see the one may not always see the other. */
export type CommandSight = "live" | "recordings";

/** Who asks. */
export interface Caller {
  /** For the log and for records of who did what. */
  readonly name: string;
  /** Whether it may do such a thing to a path; undefined: to the gateway as a whole. */
  may(scope: CommandScope, path: string | undefined, sight: CommandSight): boolean | Promise<boolean>;
}

export interface CommandContext {
  readonly caller: Caller;
  /** Aborted: the caller does not want it any more. */
  readonly signal: AbortSignal;
  /** How far it is, 0 to 100, and what it is at, in words. */
  progress(percent: number, text: string): void;
}

export interface Command<In = unknown, Out = unknown> {
  /** `clip.export`, as in the MQTT contract. */
  readonly name: string;
  readonly scope: CommandScope;
  /** Where the input decides, as it came: unparsed. */
  scopeOf?(input: unknown): CommandScope;
  /** Default: live. */
  readonly sight?: CommandSight;
  /** One sentence for documents and help. */
  readonly summary: string;
  /** Throws a CallerFault that names the field. */
  parse(input: unknown): In;
  /** The path that it is about; absent or undefined: the gateway as a whole. */
  pathOf?(input: In): string | undefined;
  /** Rejects with a CallerFault where the request cannot be served as things are. */
  run(input: In, context: CommandContext): Promise<Out>;
}

/** A command that changes something, when it begins, and when it fails. */
export interface ObservedCommand {
  readonly name: string;
  readonly caller: Caller;
  /** As it came. */
  readonly input: unknown;
  readonly path: string | undefined;
  /** Undefined: it begins. */
  readonly fault: string | undefined;
}

/** Must not throw. */
export type CommandObserver = (command: ObservedCommand) => void;

export class CommandTable {
  // biome-ignore lint/suspicious/noExplicitAny: each command knows its own input
  readonly #commands: ReadonlyMap<string, Command<any, unknown>>;

  readonly #observe: CommandObserver | undefined;

  /** Throws when two have one name. `observe` is told of all that do more than look. */
  // biome-ignore lint/suspicious/noExplicitAny: each command knows its own input
  constructor(commands: readonly Command<any, unknown>[], observe?: CommandObserver) {
    this.#observe = observe;
    this.#commands = new Map(commands.map((command) => [command.name, command]));
    if (this.#commands.size < commands.length) throw new Error("two commands have one name");
  }

  get list(): readonly Command[] {
    return [...this.#commands.values()];
  }

  get(name: string): Command | undefined {
    return this.#commands.get(name);
  }

  /** Checks the input, then whether the caller may, then runs it. Rejects with a CallerFault for all that is the caller's. */
  async dispatch(name: string, input: unknown, context: CommandContext): Promise<unknown> {
    return (await this.admit(name, input, context.caller)).run(context);
  }

  /** The first half of it: what is left is to run it. */
  async admit(name: string, input: unknown, caller: Caller): Promise<AdmittedCommand> {
    const command = this.#commands.get(name);
    if (command === undefined) throw new CallerFault("not-found", `there is no command '${name}'`, "op");
    const parsed = command.parse(input);
    const path = command.pathOf?.(parsed);
    const scope = scopeOf(command, input);
    const told = { name, caller, input, path };
    const observe = scope === "read" ? undefined : this.#observe;
    if (!(await caller.may(scope, path, command.sight ?? "live"))) {
      observe?.({ ...told, fault: "may not" });
      throw new CallerFault("unauthorized", `${caller.name} may not ${name}`);
    }
    return {
      path,
      run: async ({ signal, progress }) => {
        observe?.({ ...told, fault: undefined });
        try {
          return await command.run(parsed, { caller, signal, progress });
        } catch (error) {
          observe?.({ ...told, fault: errorText(error) });
          throw error;
        }
      },
    };
  }
}

export function scopeOf(command: Command, input: unknown): CommandScope {
  return command.scopeOf?.(input) ?? command.scope;
}

/** A command whose input is sound, and whose caller may. */
export interface AdmittedCommand {
  readonly path: string | undefined;
  run(context: Omit<CommandContext, "caller">): Promise<unknown>;
}
