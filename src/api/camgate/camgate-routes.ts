// /camgate/v1: commands of the gateway as HTTP requests. Who asks may be limited to some cameras: each command, each lock and each clip is asked for.
import { CallerFault } from "#base/errors.ts";
import type { CommandTable } from "#control/command.ts";
import type { CommandJobs, Job } from "#control/command-jobs.ts";
import { HttpFault } from "#http/http-fault.ts";
import { type ApiRequest, BytesAnswer, OK, type Route } from "../route.ts";

export interface CamgateSubjects {
  readonly commands: Pick<CommandTable, "list" | "dispatch">;
  readonly jobs: Pick<CommandJobs, "start" | "list" | "get" | "cancel" | "forget">;
  /** Deletes the files of a clip that was exported. */
  removeClip(result: unknown): Promise<void>;
}

const CLIP = "clip.export";

export function camgateRoutes({ commands, jobs, removeClip }: CamgateSubjects): readonly Route[] {
  const ask = (name: string, input: unknown, { caller, signal }: ApiRequest): Promise<unknown> =>
    forbidding(commands.dispatch(name, input, { caller, signal, progress: () => {} }));
  const look = (template: string, name: string, inputOf: (request: ApiRequest) => unknown): Route => ({
    method: "GET",
    template,
    answer: (request) => ask(name, inputOf(request), request),
  });
  const camOf = ({ parameter }: ApiRequest) => ({ cam: parameter });
  const fromQuery = ({ query }: ApiRequest) => Object.fromEntries(query);

  /** Whose camera the caller may not see does not exist for him. */
  const mayUse = (job: Job, { caller }: ApiRequest): boolean | Promise<boolean> => caller.may("operate", job.cam, "recordings");
  const clipOf = async (request: ApiRequest): Promise<Job> => {
    const job = jobs.get(request.parameter.toLowerCase());
    if (job?.op !== CLIP || !(await mayUse(job, request))) throw new HttpFault(404, "clip not found");
    return job;
  };

  return [
    {
      method: "GET",
      template: "/camgate/v1/commands/list",
      answer: () => commands.list.map(({ name, scope, summary }) => ({ name, scope, summary })),
    },
    look("/camgate/v1/health", "health", () => undefined),
    look("/camgate/v1/cameras/list", "cam.state", () => undefined),
    look("/camgate/v1/cameras/get/{name}", "cam.state", camOf),
    {
      method: "POST",
      template: "/camgate/v1/cameras/restart/{name}",
      answer: async (request) => {
        await ask("cam.restart", camOf(request), request);
        return OK;
      },
    },
    { method: "POST", template: "/camgate/v1/cameras/try", answer: async (request) => ask("cam.try", await request.body(), request) },
    {
      method: "GET",
      template: "/camgate/v1/snapshot/{name}",
      answer: async (request) => pictureOf(await ask("cam.snapshot", snapshotQuery(request), request)),
    },
    look("/camgate/v1/config/get", "cfg.show", () => undefined),
    look("/camgate/v1/config/status", "cfg.status", () => undefined),
    look("/camgate/v1/schedules/list", "sched.list", () => undefined),
    look("/camgate/v1/recorders/list", "rec.state", () => undefined),
    look("/camgate/v1/recorders/get/{name}", "rec.state", camOf),
    {
      method: "POST",
      template: "/camgate/v1/recorders/set/{name}",
      answer: async (request) => ask("rec.set", { ...objectOf(await request.body()), ...camOf(request) }, request),
    },
    look("/camgate/v1/spans/list/{name}", "rec.list", (request) => ({ ...spanQuery(request), ...camOf(request) })),
    look("/camgate/v1/locks/list", "rec.locks", fromQuery),
    { method: "POST", template: "/camgate/v1/locks/add", answer: async (request) => ask("rec.lock", await request.body(), request) },
    {
      method: "DELETE",
      template: "/camgate/v1/locks/delete/{id}",
      answer: async (request) => {
        await ask("rec.unlock", { lock_id: request.parameter }, request);
        return OK;
      },
    },
    {
      method: "GET",
      template: "/camgate/v1/clips/list",
      answer: async (request) => {
        const clips = jobs.list().filter(({ op }) => op === CLIP);
        const mine = await Promise.all(clips.map((job) => mayUse(job, request)));
        return clips.filter((_job, i) => mine[i]).map(clipItem);
      },
    },
    {
      method: "POST",
      template: "/camgate/v1/clips/add",
      answer: async (request) => clipItem(await forbidding(jobs.start(CLIP, await request.body(), request.caller))),
    },
    { method: "GET", template: "/camgate/v1/clips/get/{id}", answer: async (request) => clipItem(await clipOf(request)) },
    {
      method: "DELETE",
      template: "/camgate/v1/clips/delete/{id}",
      answer: async (request) => {
        const { id } = await clipOf(request);
        const job = await jobs.cancel(id);
        if (job.st === "ok") await removeClip(job.res);
        jobs.forget(id);
        return OK;
      },
    },
  ];
}

/** What is no object has no fields: the command says which are missing. */
function objectOf(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === "object" && body !== null && !Array.isArray(body) ? (body as Readonly<Record<string, unknown>>) : {};
}

/** Numbers are numbers, also in a query. */
function spanQuery({ query }: ApiRequest): Readonly<Record<string, unknown>> {
  const isNumber = (name: string, text: string): boolean => name !== "cursor" && /^\d{1,16}$/.test(text);
  return Object.fromEntries([...query].map(([name, text]) => [name, isNumber(name, text) ? Number(text) : text]));
}

/** `gate.jpg`, `site/gate.mp4` */
function snapshotQuery({ parameter, query }: ApiRequest): Readonly<Record<string, unknown>> {
  const name = /^(.+)\.(jpg|mp4)$/.exec(parameter);
  if (name === null) throw new HttpFault(404, "a picture is asked for as NAME.jpg or NAME.mp4");
  const numbers = [...query].map(([key, text]) => [key, /^\d{1,9}$/.test(text) ? Number(text) : text]);
  return { ...Object.fromEntries(numbers), cam: name[1], fmt: name[2] };
}

function pictureOf(result: unknown): BytesAnswer {
  const { bytes, mediaType, utcUs } = result as { readonly bytes: Buffer; readonly mediaType: string; readonly utcUs: number };
  const headers = { "Content-Type": mediaType, "Last-Modified": new Date(utcUs / 1000).toUTCString(), "Cache-Control": "no-store" };
  return new BytesAnswer(bytes, headers);
}

function clipItem({ id, cam, by, st, pct, msg, started, ended, res, err }: Job) {
  return { id, cam, by, st, pct, msg, started, ended: ended ?? null, res: res ?? null, err: err ?? null };
}

/** The caller is known here, and may not: 401 would have a browser ask for a password. */
async function forbidding<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof CallerFault && error.code === "unauthorized" ? new HttpFault(403, error.message) : error;
  }
}
