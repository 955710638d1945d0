// The project's own source files, for the tests that hold the house rules.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface SourceFile {
  /** Relative to the project, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text with comment lines emptied, so that line numbers stay. */
  readonly code: string;
}

const ROOT = dirname(import.meta.dirname);
const SOURCE_NAME = /\.(?:ts|mjs|js)$/;
const NOT_OURS = /(?:^|\/)(?:node_modules|testdata|dist)\//;
const COMMENT_LINES = /^[ \t]*(?:\/\/.*|\/\*[\s\S]*?\*\/)/gm;

/** Every source file below the given folders of the project. */
export function sourceFiles(...folders: string[]): SourceFile[] {
  return folders
    .filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`))
    .filter((path) => SOURCE_NAME.test(path) && !NOT_OURS.test(path))
    .map((path) => sourceFile(path, readFileSync(join(ROOT, path), "utf8")));
}

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, code: text.replace(COMMENT_LINES, (comment) => comment.replace(/[^\n]/g, "")) };
}
