// Adding, trying, changing and removing a camera. Credentials have fields of their own: nobody has to escape them for a URL.
import { ask, pathPart } from "./api.ts";
import { type Field, openDialog } from "./dialog.ts";

interface PathSettings {
  readonly source: string;
  readonly rtspTransport: string;
  readonly sourceOnDemand: boolean;
  readonly record: boolean;
}

interface Tried {
  readonly tracks: readonly string[];
}

const TRANSPORTS = ["automatic", "tcp", "udp", "multicast"];

/** The URL without its credentials, and these. */
function split(source: string): { readonly url: string; readonly user: string; readonly pass: string } {
  const match = /^([a-z][a-z0-9+.-]*:\/\/)(?:([^/@]*)@)?(.*)$/i.exec(source);
  if (match === null) return { url: source, user: "", pass: "" };
  const [user = "", ...pass] = (match[2] ?? "").split(":");
  return { url: `${match[1]}${match[3]}`, user: decoded(user), pass: decoded(pass.join(":")) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

type Values = Readonly<Record<string, string>>;

function sourceOf({ url = "", user = "", pass = "" }: Values): string {
  if (url === "" || url === "publisher") return "publisher";
  const match = /^([a-z][a-z0-9+.-]*:\/\/)(.*)$/i.exec(url.trim());
  if (match === null) throw new Error("the address has to begin with rtsp://, or with another scheme that a source may have");
  const login = user === "" ? "" : `${encodeURIComponent(user)}${pass === "" ? "" : `:${encodeURIComponent(pass)}`}@`;
  return `${match[1]}${login}${match[2]}`;
}

function settingsOf(values: Values): PathSettings {
  return {
    source: sourceOf(values),
    rtspTransport: values["rtspTransport"] ?? "automatic",
    sourceOnDemand: values["sourceOnDemand"] === "yes",
    record: values["record"] === "yes",
  };
}

function fieldsOf({ source, rtspTransport, sourceOnDemand, record }: PathSettings): readonly Field[] {
  const { url, user, pass } = split(source);
  return [
    { name: "url", label: "Address", value: url, placeholder: "rtsp://192.168.1.20/stream1; empty: somebody publishes" },
    { name: "user", label: "User", value: user },
    { name: "pass", label: "Password", type: "password", value: pass, autocomplete: "new-password" },
    { name: "rtspTransport", label: "Transport", type: "select", options: TRANSPORTS, value: rtspTransport },
    { name: "sourceOnDemand", label: "only while somebody watches", type: "checkbox", checked: sourceOnDemand },
    { name: "record", label: "record", type: "checkbox", checked: record },
  ];
}

const TRY = {
  text: "Try",
  run: async (values: Values): Promise<string> => {
    const { source, rtspTransport } = settingsOf(values);
    const { tracks } = await ask<Tried>("cameras/try", "POST", { source, transport: rtspTransport });
    return `it answers: ${tracks.join(", ")}`;
  },
};

export function addCamera(onChanged: () => void): void {
  openDialog({
    title: "Add camera",
    fields: [
      { name: "name", label: "Name", required: true, placeholder: "letters, digits, _ - . /" },
      ...fieldsOf({ source: "", rtspTransport: "automatic", sourceOnDemand: false, record: true }),
    ],
    submit: "Add",
    more: [TRY],
    onSubmit: async (values) => {
      await ask(`config/paths/add/${pathPart(values["name"] ?? "")}`, "POST", settingsOf(values));
      onChanged();
    },
  });
}

export async function editCamera(name: string, onChanged: () => void): Promise<void> {
  const before = await ask<PathSettings>(`config/paths/get/${pathPart(name)}`);
  openDialog({
    title: name,
    fields: fieldsOf(before),
    submit: "Save",
    more: [
      TRY,
      {
        text: "Remove",
        danger: true,
        run: async () => {
          if (!confirm(`Remove ${name}? What was recorded of it stays.`)) return "";
          await ask(`config/paths/delete/${pathPart(name)}`, "DELETE");
          onChanged();
          return undefined;
        },
      },
    ],
    onSubmit: async (values) => {
      await ask(`config/paths/patch/${pathPart(name)}`, "PATCH", settingsOf(values));
      onChanged();
    },
  });
}
