// Where a program of the system is: a service's PATH may be shorter than where they are.
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";

const FURTHER_FOLDERS = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Undefined: there is none. */
export async function findProgram(name: string): Promise<string | undefined> {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""), ...FURTHER_FOLDERS];
  for (const folder of folders) {
    const file = join(folder, name);
    const isProgram = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isProgram) return file;
  }
  return undefined;
}
