/** What of the protocol a target may claim. Each case belongs to one. */
export const profiles = ["core", "cluster", "bus", "legacy"] as const;
export type Profile = (typeof profiles)[number];

/** How calls travel: protocol and codec. */
export const wires = ["grpc", "grpc-web", "connect", "connect+json"] as const;
export type Wire = (typeof wires)[number];

/** What a target may or may not have, whatever its profiles are. */
export const features = ["client_tools", "browsers", "get", "http1"] as const;
export type Feature = (typeof features)[number];

/** What a case needs besides a URL. */
export const needs = {
  second_user: "a second user",
  model: "the scripted model",
  anthropic: "the scripted model in Anthropic's dialect",
  vectors: "the ImportService",
  replicas: "two replicas or more",
  links: "a gate on each link between replicas, bus and store",
  bus: "the bus",
  processes: "starting, stopping and killing replicas",
} as const;
export type Need = keyof typeof needs;
export const needNames = Object.keys(needs) as readonly Need[];

/** What disturbs others, or is disturbed by them: a case that needs one of these has the target for itself. */
export const disturbing: ReadonlySet<Need> = new Set(["links", "bus", "processes"]);
