import type { ContextKey } from "@connectrpc/connect";
import type { Outlet } from "../fanout/index.js";
import type { HttpResponse } from "./listener.js";

/** The body of the response to which an RPC belongs, for streams that are written past whoever answers the call. Undefined where nobody offers it. */
export const outletKey: ContextKey<Outlet | undefined> = {
  id: Symbol("palaver.outlet"),
  defaultValue: undefined,
};

/** Of HTTP/2 the stream itself: what the response adds to it is not needed once the headers were sent. */
export function outletOf(response: HttpResponse, requestHeader: Headers): Outlet {
  const body = "stream" in response ? response.stream : response;
  return {
    codec: /\+json\b/i.test(requestHeader.get("content-type") ?? "") ? "json" : "binary",
    // Of HTTP/1.1, writing after the connection was lost is an error that nobody would hear.
    write: (envelope) => !body.destroyed && body.write(envelope),
    onceDrained: (callback) => void body.once("drain", callback),
  };
}
