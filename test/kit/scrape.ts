/** What a replica said of its metrics at one moment. */
export class Scrape {
  readonly text: string;
  /** By name: "counter", "gauge", "histogram". */
  readonly types: ReadonlyMap<string, string>;
  readonly #samples: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];

  constructor(text: string) {
    this.text = text;
    this.types = new Map(
      [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type]),
    );
    this.#samples = [...text.matchAll(/^([a-z_]+)(?:\{(.*)\})? (\S+)$/gm)].map(
      ([, name = "", labels = "", value]) => ({
        name,
        labels: Object.fromEntries(
          [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", said = ""]) => [key, said]),
        ),
        value: Number(value),
      }),
    );
  }

  /** @throws when nothing is served there */
  static async of(url: string | undefined): Promise<Scrape> {
    if (url === undefined) throw new Error("this replica serves no metrics");
    const response = await fetch(url, { headers: { connection: "close" } });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${url} says ${response.status}: ${text}`);
    return new Scrape(text);
  }

  /** The sum of all values of that name with these labels, whatever their others; undefined when there are none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.#samples.filter(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, said]) => sample.labels[key] === said),
    );
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
  }

  /** The names of the labels that the values of a metric have; undefined when it has no value yet. */
  labelsOf(metric: string): readonly string[] | undefined {
    const found = this.#samples.find(
      ({ name }) => name.replace(/_(bucket|sum|count)$/, "") === metric || name === metric,
    );
    return found && Object.keys(found.labels).filter((label) => label !== "le");
  }
}
