import type { Need } from "../cases/vocabulary.js";
import type { Manifest } from "../manifest/manifest.js";
import { placeholdersIn } from "../manifest/template.js";

export type Offer =
  | { readonly isThere: true }
  /** `unlock` says what in the manifest makes it available. */
  | { readonly isThere: false; readonly unlock: string };

const there: Offer = { isThere: true };
const missing = (unlock: string): Offer => ({ isThere: false, unlock });

/** What a target offers of all that cases need, by what its manifest says. */
export function offersOf({ launch, attach, auth, models }: Manifest): Readonly<Record<Need, Offer>> {
  const used = new Set(
    [...(launch?.command ?? []), ...Object.values(launch?.env ?? {})].flatMap(placeholdersIn),
  );
  const count = launch?.replicas ?? attach?.urls.length ?? 0;
  const hasModel = used.has("model") || attach?.model !== undefined;
  const offers: Record<Need, boolean> = {
    second_user: auth.alice !== undefined && auth.bob !== undefined,
    model: hasModel,
    anthropic: hasModel && models.anthropic !== undefined,
    vectors: auth.admin !== undefined && (launch?.vectors ?? attach?.vectors ?? false),
    replicas: count >= 2,
    links: ["link.store", "link.bus", "link.relay"].every((name) => used.has(name)),
    bus: launch?.bus !== undefined || attach?.bus !== undefined,
    processes: launch !== undefined,
  };
  const how = howToOffer[launch === undefined ? "attach" : "launch"];
  return Object.fromEntries(
    Object.entries(offers).map(([need, isThere]) => [need, isThere ? there : missing(how[need as Need])]),
  ) as Record<Need, Offer>;
}

const second_user = "name the tokens of two users, in auth.alice and auth.bob";
const anthropic = "name a model of Anthropic's interface, as chats have to name it, in models.anthropic";
const ownProcesses = "let the suite start the target: launch instead of attach";

const howToOffer: Readonly<Record<"launch" | "attach", Readonly<Record<Need, string>>>> = {
  launch: {
    second_user,
    model: "give the target {model} as the base URL of its model provider, in launch.env",
    anthropic,
    vectors: "set launch.vectors, and name an admin's token in auth.admin",
    replicas: "set launch.replicas to 2 or 3",
    links: "give the target {link.store}, {link.bus} and {link.relay} in launch.env",
    bus: "name the variable with the bus's URL in launch.bus",
    processes: ownProcesses,
  },
  attach: {
    second_user,
    model: "point the target's model provider at http://HOST:PORT/m/r1, and name HOST:PORT in attach.model",
    anthropic,
    vectors: "set attach.vectors, and name an admin's token in auth.admin",
    replicas: "list the URLs of two replicas or more in attach.urls",
    links: ownProcesses,
    bus: "name the variable with the bus's URL in attach.bus",
    processes: ownProcesses,
  },
};
