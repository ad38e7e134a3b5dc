import { clientSections, serverSections, variableInfo } from "./variables.js";

/** The reference of all variables as Markdown: `docs/configuration.md`. */
export function renderConfigurationReference(): string {
  const sections = Object.entries({ ...serverSections, ...clientSections }).map(([title, schema]) => {
    const rows = Object.entries(schema.shape).map(([name, field]) => {
      const info = variableInfo.get(field);
      if (info === undefined) throw new Error(`${name} is not documented`);
      const { description, default: fallback, example, secret } = info;
      const isText = fallback === undefined || / /.test(fallback);
      const unset = isText ? (fallback ?? "–") : `\`${fallback}\``;
      return `| \`${name}\` | ${description}${secret === true ? " Secret." : ""} | ${unset} | \`${example}\` |`;
    });
    return [
      `## ${title}`,
      "",
      "| variable | what it sets | default | example |",
      "| --- | --- | --- | --- |",
      ...rows,
    ].join("\n");
  });
  return `${[introduction, ...sections].join("\n\n")}\n`;
}

const introduction = `# Configuration

<!-- Generated from src/config/variables.ts by \`npm run docs\`. Do not edit. -->

Palaver is configured by environment variables alone. None is needed: \`palaver serve\` starts with an embedded database and an
offline model. \`palaver doctor\` shows the values in effect and checks them.

- An empty value is the same as none.
- Durations have a unit: \`500ms\`, \`15s\`, \`10m\`, \`1h\`.
- Everything that is wrong is reported at once, and the server does not start. That includes variables named \`PALAVER_…\` that do
  not exist, because a typing error would otherwise go unnoticed. (The variables that Kubernetes sets for a Service named
  \`palaver\` are let pass.)
- Secrets appear in no log, error message or listing.`;
