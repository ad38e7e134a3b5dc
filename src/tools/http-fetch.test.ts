import type { lookup } from "node:dns";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { ManualClock, systemClock } from "../platform/index.js";
import { createHttpFetch, type HttpFetchOptions } from "./http-fetch.js";
import { isPublicAddress } from "./public-address.js";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A real server on this machine; gives its port. */
async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

function fetchUrl(
  url: string,
  options: Partial<HttpFetchOptions> & { signal?: AbortSignal; clock?: ManualClock } = {},
): Promise<unknown> {
  const tool = createHttpFetch({ mayReach: () => true, ...options });
  const signal = options.signal ?? new AbortController().signal;
  return tool.run(tool.parse(JSON.stringify({ url })), { signal, clock: options.clock ?? systemClock });
}

/** A resolver that knows one name. */
function resolvesTo(...addresses: string[]): typeof lookup {
  const fake = (_name: string, _options: unknown, callback: (error: null, found: object[]) => void): void =>
    callback(
      null,
      addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 })),
    );
  return fake as unknown as typeof lookup;
}

describe("documents", () => {
  test("the text of a document is returned with its status and type", async () => {
    const port = await serve((request, response) => {
      expect(request.method).toBe("GET");
      response
        .writeHead(404, { "content-type": "text/plain; charset=iso-8859-1" })
        .end(Buffer.from([0x67, 0xfc, 0x74]));
    });
    await expect(fetchUrl(`http://127.0.0.1:${port}/x`)).resolves.toEqual({
      status: 404,
      content_type: "text/plain; charset=iso-8859-1",
      body: "güt",
      truncated: false,
    });
  });

  test("a long document is cut on a code point, and the rest is not waited for", async () => {
    const port = await serve((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write(`"${"€".repeat(20_000)}`); // and no end
    });
    const { body, truncated } = (await fetchUrl(`http://127.0.0.1:${port}/`)) as {
      body: string;
      truncated: boolean;
    };
    expect(truncated).toBe(true);
    expect(body).toMatch(/^"€+$/);
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(24 * 1024);
    expect(Buffer.byteLength(body)).toBeGreaterThan(24 * 1024 - 4);
  });

  test("what is not text is refused", async () => {
    const port = await serve((_, response) =>
      response.writeHead(200, { "content-type": "image/png" }).end("x"),
    );
    await expect(fetchUrl(`http://127.0.0.1:${port}/`)).rejects.toThrow(
      "The document is not text: its content type is image/png.",
    );
  });

  test("no content is fine", async () => {
    const port = await serve((_, response) => response.writeHead(204).end());
    await expect(fetchUrl(`http://127.0.0.1:${port}/`)).resolves.toMatchObject({ status: 204, body: "" });
  });
});

describe("redirects", () => {
  test("are followed, five at most", async () => {
    const port = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.writeHead(200, { "content-type": "text/plain" }).end("there");
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    const base = `http://127.0.0.1:${port}`;
    await expect(fetchUrl(`${base}/5`)).resolves.toMatchObject({ body: "there", final_url: `${base}/0` });
    await expect(fetchUrl(`${base}/6`)).rejects.toThrow("There were more than 5 redirects.");
  });

  test("lead to http and https only", async () => {
    const port = await serve((_, response) =>
      response.writeHead(301, { location: "file:///etc/passwd" }).end(),
    );
    await expect(fetchUrl(`http://127.0.0.1:${port}/`)).rejects.toThrow(
      "Only http and https URLs can be fetched.",
    );
  });

  test("are judged like the first address", async () => {
    const port = await serve((_, response) =>
      response.writeHead(302, { location: `http://127.0.0.2:${port}/` }).end(),
    );
    const run = fetchUrl(`http://127.0.0.1:${port}/`, { mayReach: (address) => address === "127.0.0.1" });
    await expect(run).rejects.toThrow("127.0.0.2 is not on the public internet");
  });
});

describe("addresses", () => {
  let reached = false;
  const trap = (): Promise<number> => {
    reached = false;
    return serve((_, response) => {
      reached = true;
      response.writeHead(200, { "content-type": "text/plain" }).end("secret");
    });
  };

  test.each([
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "localhost",
    "169.254.169.254",
    "0.0.0.0",
  ])("%s is refused before anything is sent", async (host) => {
    const port = await trap();
    await expect(fetchUrl(`http://${host}:${port}/`, { mayReach: isPublicAddress })).rejects.toThrow(
      "is not on the public internet",
    );
    expect(reached).toBe(false);
  });

  test("a public name with a private address is refused", async () => {
    const port = await trap();
    for (const address of ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "fd00:ec2::254"]) {
      const run = fetchUrl(`http://innocent.test:${port}/`, {
        mayReach: isPublicAddress,
        lookup: resolvesTo(address),
      });
      await expect(run).rejects.toThrow("innocent.test is not on the public internet");
    }
    expect(reached).toBe(false);
  });

  test("the connection goes to the address that was judged: the name is resolved once", async () => {
    const port = await trap();
    let lookups = 0;
    const local = resolvesTo("127.0.0.1");
    const counting = ((...args: Parameters<typeof lookup>) => {
      lookups += 1;
      local(...args);
    }) as typeof lookup;
    await expect(fetchUrl(`http://innocent.test:${port}/`, { lookup: counting })).resolves.toMatchObject({
      body: "secret",
    });
    expect(lookups).toBe(1);
  });

  test.each([
    "ftp://example.com/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "/etc/passwd",
    "http://user:pass@example.com/",
  ])("%s is refused", async (url) => {
    await expect(fetchUrl(url)).rejects.toThrow(/can(not)? be fetched|not an absolute URL/);
  });
});

describe("ends", () => {
  const silent: RequestListener = (_, response) => {
    response.writeHead(200, { "content-type": "text/plain" }).flushHeaders();
  };

  test("a server that does not finish is given up after 15 seconds", async () => {
    const clock = new ManualClock();
    const port = await serve((request, response) => {
      silent(request, response);
      clock.advance(15_000);
    });
    const run = fetchUrl(`http://127.0.0.1:${port}/`, { clock });
    await expect(run).rejects.toThrow("There was no complete answer within 15 seconds.");
    expect(clock.pending).toBe(0);
  });

  test("an abort ends the request", async () => {
    const controller = new AbortController();
    const port = await serve((request, response) => {
      silent(request, response);
      controller.abort();
    });
    await expect(fetchUrl(`http://127.0.0.1:${port}/`, { signal: controller.signal })).rejects.toThrow(
      "The request was stopped.",
    );
    await expect(fetchUrl(`http://127.0.0.1:${port}/`, { signal: controller.signal })).rejects.toThrow(
      "The request was stopped.",
    );
  });

  test("a host that is not there is named, its address is not", async () => {
    const port = await serve(silent);
    await cleanups.pop()?.();
    await expect(fetchUrl(`http://gone.test:${port}/`, { lookup: resolvesTo("127.0.0.1") })).rejects.toThrow(
      /^Could not reach gone\.test: ECONNREFUSED\.$/,
    );
  });
});
