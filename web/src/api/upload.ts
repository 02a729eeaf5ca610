import type { Attachment } from "@aimo/dto";
import { address } from "../lib/base";
import { ApiError, failureOf, login } from "./http";

/** Upload a file; `progress` hears fractions from 0 to 1. Only XMLHttpRequest tells them. Raises {@link ApiError}. */
export function upload(file: Blob, name: string, key: string, progress?: (part: number) => void, stop?: AbortSignal): Promise<Attachment> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address("/api/v1/attachments/upload"));
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Prefer", "picture-sizes");
    request.setRequestHeader("Idempotency-Key", key);
    request.timeout = 10 * 60_000;
    request.upload.onprogress = (event) => progress?.(event.lengthComputable ? event.loaded / event.total : 0);
    request.onerror = () => reject(new ApiError("offline", "The server cannot be reached"));
    request.ontimeout = () => reject(new ApiError("timeout", "The server did not answer in time"));
    request.onabort = () => reject(new DOMException("The upload was stopped", "AbortError"));
    request.onload = () => {
      let body: unknown = null;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        // An answer that is no JSON is a failure that `failureOf` names by its status.
      }
      const headers = new Headers({ "Retry-After": request.getResponseHeader("Retry-After") ?? "" });
      const failure = failureOf({ status: request.status, headers }, body);
      if (!failure) resolve((body as { data: { attachment: Attachment } }).data.attachment);
      else if (failure.kind === "unauthorized" && login.again) {
        void login.again().then((again) => (again ? resolve(upload(file, name, key, progress, stop)) : reject(failure)));
      } else reject(failure);
    };
    stop?.addEventListener("abort", () => request.abort(), { once: true });
    const form = new FormData();
    form.append("file", file, name);
    request.send(form);
  });
}
