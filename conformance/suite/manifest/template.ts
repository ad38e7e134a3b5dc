/** What may stand in braces in a command, an environment variable or an argument of the target. */
export const placeholders = {
  listen: "host:port where this replica has to serve clients",
  replica: "this replica's name: r1, r2, …",
  model: "the base URL of the scripted model, another for each replica",
  store: "the URL of the store",
  bus: "the URL of the bus",
  data: "an empty folder of this replica's own, for as long as the run lasts",
  relay_listen: "host:port where this replica has to serve its peers",
  "link.store": "the URL of the store, through this replica's gate",
  "link.bus": "the URL of the bus, through this replica's gate",
  "link.relay": "the URL at which the others reach this replica, through a gate",
} as const;

export type Placeholder = keyof typeof placeholders;

export function isPlaceholder(name: string): name is Placeholder {
  return Object.hasOwn(placeholders, name);
}

/** The names in braces, in order. Braces around anything but letters, dots and underscores are ordinary text. */
export function placeholdersIn(template: string): string[] {
  return [...template.matchAll(/\{([a-z_.]+)\}/g)].map(([, name]) => name ?? "");
}

/** The text with the values in place of the names in braces. */
export function fillTemplate(template: string, values: Readonly<Record<Placeholder, string>>): string {
  return template.replaceAll(/\{([a-z_.]+)\}/g, (whole, name: string) =>
    isPlaceholder(name) ? values[name] : whole,
  );
}
