// One HTTP request to a service that authentication relies on: a question in JSON, or a document.
import { type IncomingReply, type OutgoingRequest, sendRequest } from "#http/outgoing-request.ts";

export interface ServiceRequest extends Pick<OutgoingRequest, "url" | "fingerprint" | "timeoutMs" | "maxBytes" | "signal"> {
  /** JSON to POST; undefined: GET. */
  readonly body?: string;
}

export type ServiceReply = Omit<IncomingReply, "headers">;

/** Redirects are not followed. Rejects when there is no answer; the error's text holds no secret. */
export async function askService(service: ServiceRequest): Promise<ServiceReply> {
  const [method, headers] = service.body === undefined ? ["GET", {}] : ["POST", { "Content-Type": "application/json" }];
  const { status, body, cut } = await sendRequest({ ...service, method, headers });
  return { status, body, cut };
}
