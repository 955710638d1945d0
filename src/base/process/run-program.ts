// Runs a program of the system to its end, and no longer: bounded in time and in what it may say, which is in English.
import { execFile } from "node:child_process";

export interface ProgramBounds {
  readonly timeoutMs: number;
  /** Of each of its outputs. */
  readonly maxOutputBytes: number;
}

/** `file`: an absolute path. Resolves with what it wrote to its standard output. Rejects with the last line that it complained with, or with how it ended. */
export function runProgram(file: string, args: readonly string[], { timeoutMs, maxOutputBytes }: ProgramBounds): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      maxBuffer: maxOutputBytes,
      env: { ...process.env, LC_ALL: "C" },
    } as const;
    execFile(file, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(stderr.trim().split("\n").at(-1) || `it ended with ${error.signal ?? error.code}`));
    });
  });
}
