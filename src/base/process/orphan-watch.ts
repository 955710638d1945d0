// A small shell that ends what child processes left running when the gateway is gone, however it went: killed, crashed, out of memory.
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { Log } from "../log.ts";

/**
 * Reads `add` and `drop` with the number of a process group, until its input is closed; then what is left of the groups gets SIGINT, and SIGKILL ten
 * seconds later. Signals that are meant for the gateway do not end it.
 */
const SCRIPT = `
trap '' HUP INT TERM
groups=' '
while read -r change group; do
  case $change in
    add) groups="$groups$group " ;;
    drop) groups="\${groups%% "$group" *} \${groups#* "$group" }" ;;
  esac
done
tell() {
  found=1
  for group in $groups; do kill "-$1" "-$group" 2>/dev/null && found=0; done
  return $found
}
tell INT || exit 0
for second in 1 2 3 4 5 6 7 8 9 10; do
  sleep 1
  tell 0 || exit 0
done
tell KILL
`;

export class OrphanWatch {
  readonly #log: Log;
  readonly #groups = new Set<number>();
  #shell: ChildProcess | undefined;
  #closed = false;

  constructor(log: Log) {
    this.#log = log;
  }

  add(group: number): void {
    this.#groups.add(group);
    if (this.#shell === undefined) this.#start();
    else this.#tell("add", group);
  }

  drop(group: number): void {
    if (this.#groups.delete(group)) this.#tell("drop", group);
  }

  /** What is still in a group is ended. */
  close(): void {
    this.#closed = true;
    this.#shell?.stdin?.end();
    process.removeListener("exit", this.#onExit);
  }

  #start(): void {
    if (process.platform === "win32" || this.#closed) return;
    // Not in the gateway's group, which a terminal interrupts as a whole.
    const shell = spawn("/bin/sh", ["-c", SCRIPT], { cwd: "/", detached: true, stdio: ["pipe", "ignore", "ignore"] });
    this.#shell = shell;
    shell.stdin.on("error", () => {}); // it is gone: `exit` follows
    shell.on("error", (error) => this.#onNoShell(error.message));
    shell.on("exit", () => this.#onNoShell("it was ended"));
    shell.unref();
    (shell.stdin as Socket).unref();
    for (const group of this.#groups) this.#tell("add", group);
  }

  #tell(change: "add" | "drop", group: number): void {
    this.#shell?.stdin?.write(`${change} ${group}\n`);
  }

  /** Without the shell, an orderly end of the process is all that is noticed. */
  #onNoShell(reason: string): void {
    if (this.#closed || process.listeners("exit").includes(this.#onExit)) return;
    this.#log.warn(`no watch over commands, should the gateway be killed: ${reason}`);
    process.on("exit", this.#onExit);
  }

  readonly #onExit = (): void => {
    for (const group of this.#groups) signalGroup(group, "SIGINT");
  };
}

/** False when nothing of the group is there. 0 only asks. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(process.platform === "win32" ? group : -group, signal);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // somebody else's by now, but there
  }
}
