/**
 * Whether a case is meant by one of the patterns: its id, its group, or either with `*` for any run of characters. No pattern means all.
 */
export function isSelected(id: string, patterns: readonly string[]): boolean {
  return (
    patterns.length === 0 ||
    patterns.some((pattern) => {
      const whole = pattern.includes("/") ? pattern : `${pattern}/*`;
      const expression = whole.split("*").map((text) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
      return new RegExp(`^${expression.join(".*")}$`).test(id);
    })
  );
}
