// A dialog with a form: fields, buttons, and what went wrong in words below them.
import { textOf } from "./api.ts";
import { byId, make } from "./dom.ts";

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly type?: "text" | "password" | "checkbox" | "select";
  readonly value?: string;
  readonly checked?: boolean;
  readonly options?: readonly string[];
  readonly required?: boolean;
  readonly autocomplete?: AutoFill;
  readonly placeholder?: string;
}

export interface DialogOptions {
  readonly title: string;
  readonly fields: readonly Field[];
  readonly submit: string;
  /** What it rejects with is shown; the dialog closes when it resolves. */
  onSubmit(values: Readonly<Record<string, string>>): Promise<void>;
  /** Further buttons; what they resolve with is shown, undefined closes the dialog. */
  readonly more?: readonly {
    readonly text: string;
    readonly danger?: boolean;
    run(values: Readonly<Record<string, string>>): Promise<string | undefined>;
  }[];
  /** Stands above the fields. */
  readonly content?: Node;
  /** It cannot be closed without an answer. */
  readonly isNeeded?: boolean;
}

export function openDialog(options: DialogOptions): HTMLDialogElement {
  const note = make("p", { className: "note" });
  note.setAttribute("role", "alert");
  const inputs = new Map(options.fields.map((field) => [field.name, inputOf(field)]));
  const labels = options.fields.map((field) => make("label", {}, `${field.label} `, inputs.get(field.name)!));
  const values = (): Readonly<Record<string, string>> => {
    const read = (input: HTMLInputElement | HTMLSelectElement): string =>
      input instanceof HTMLInputElement && input.type === "checkbox" ? (input.checked ? "yes" : "no") : input.value;
    return Object.fromEntries([...inputs].map(([name, input]) => [name, read(input)]));
  };
  const submit = make("button", { type: "submit" }, options.submit);
  const cancel = make("button", { type: "button", hidden: options.isNeeded === true }, "Cancel");
  const more = (options.more ?? []).map(({ text, danger, run }) => {
    const button = make("button", { type: "button", className: danger === true ? "danger" : "" }, text);
    button.addEventListener("click", () => void working(() => run(values())));
    return button;
  });
  const buttons = make("p", { className: "bar" }, submit, ...more, make("span", { className: "room" }), cancel);
  const form = make(
    "form",
    {},
    make("h2", {}, options.title),
    ...(options.content === undefined ? [] : [options.content]),
    ...labels,
    note,
    buttons,
  );
  const dialog = make("dialog", {}, form);

  const working = async (run: () => Promise<string | undefined>): Promise<void> => {
    for (const button of buttons.querySelectorAll("button")) button.disabled = true;
    note.textContent = "…";
    try {
      const text = await run();
      if (text === undefined) dialog.close();
      else note.textContent = text;
    } catch (error) {
      note.textContent = textOf(error);
    } finally {
      for (const button of buttons.querySelectorAll("button")) button.disabled = false;
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void working(async () => {
      await options.onSubmit(values());
      return undefined;
    });
  });
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("cancel", (event) => options.isNeeded === true && event.preventDefault());
  dialog.addEventListener("close", () => dialog.remove());
  byId("dialogs", HTMLElement).append(dialog);
  dialog.showModal();
  return dialog;
}

function inputOf(field: Field): HTMLInputElement | HTMLSelectElement {
  const {
    name,
    type = "text",
    value = "",
    checked = false,
    options = [],
    required = false,
    autocomplete = "off",
    placeholder = "",
  } = field;
  if (type === "select") {
    const select = make("select", { name }, ...options.map((text) => make("option", { value: text, text })));
    select.value = value;
    return select;
  }
  return make("input", { name, type, value, checked, required, autocomplete, placeholder, spellcheck: false });
}
