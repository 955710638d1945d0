// Loaded before a program (`node --import`): ends it as SIGTERM does once its standard input, a pipe, is closed. Whatever ends the parent closes that.
import type { Socket } from "node:net";

const input = process.stdin as Socket;
input.on("error", () => {});
input.on("close", () => process.kill(process.pid, "SIGTERM"));
input.resume();
input.unref(); // by itself it keeps nothing running
