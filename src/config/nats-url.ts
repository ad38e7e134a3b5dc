import { Secret } from "./secret.js";

/** What `NATS_URL` says. */
export interface NatsUrl {
  /** `host:port` of each server. */
  readonly servers: readonly string[];
  /** Whether one of them asks for TLS. */
  readonly tls: boolean;
  /** A user, or a token alone. */
  readonly login:
    | { readonly user: string; readonly password: Secret }
    | { readonly token: Secret }
    | undefined;
}

/** Reads one or more URLs, separated by commas; undefined for anything else. User and password stand in the first that has them. */
export function parseNatsUrl(text: string): NatsUrl | undefined {
  const urls = text.split(",").map((part) => parseOne(part.trim()));
  if (!urls.every((url) => url !== undefined)) return undefined;
  const known = urls.find(({ username }) => username !== "");
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port === "" ? "4222" : port}`),
    tls: urls.some(({ protocol }) => protocol === "tls:"),
    login: known && loginOf(known),
  };
}

function loginOf({ username, password }: URL): NatsUrl["login"] {
  const user = decodeURIComponent(username);
  if (password === "") return { token: new Secret(user) };
  return { user, password: new Secret(decodeURIComponent(password)) };
}

function parseOne(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isNats = url.protocol === "nats:" || url.protocol === "tls:";
  const isBare = /^\/?$/.test(url.pathname) && url.search === "" && url.hash === "";
  if (!isNats || !isBare || url.hostname === "" || (url.username === "" && url.password !== ""))
    return undefined;
  return isDecodable(url.username) && isDecodable(url.password) ? url : undefined;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
