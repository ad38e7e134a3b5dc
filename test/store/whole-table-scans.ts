import type { PlanNode } from "./explain.js";

export interface Growth {
  /** Tables that stay small, however much is stored. */
  readonly smallTables: ReadonlySet<string>;
  /** Partial indexes of what is under way, and not of what was once: as small. */
  readonly smallIndexes: ReadonlySet<string>;
}

/** The tables that a plan reads whole, with an index or without, in words. */
export function wholeTableScans(plan: PlanNode, growth: Growth): string[] {
  const { "Node Type": type, "Relation Name": table = "", "Index Name": index } = plan;
  const below = (plan.Plans ?? []).flatMap((child) => wholeTableScans(child, growth));
  if (type === "Seq Scan" && !growth.smallTables.has(table)) return [`Seq Scan on ${table}`, ...below];
  const isWhole = index !== undefined && type.endsWith("Scan") && plan["Index Cond"] === undefined;
  return isWhole && !growth.smallIndexes.has(index) ? [`${type} of all of ${index}`, ...below] : below;
}

/** Whether more is sorted than stands on a page, before it is cut off: what a page inside bounds is no more. */
export function sortsForPages(plan: PlanNode): string[] {
  const below = plan.Plans ?? [];
  const sorts =
    plan["Node Type"] === "Limit" && below.some((child) => isSort(child) && readsUnbounded(child));
  return [...(sorts ? ["sorts for each page"] : []), ...below.flatMap(sortsForPages)];
}

function isSort(plan: PlanNode): boolean {
  return plan["Node Type"] === "Sort" || plan["Node Type"] === "Incremental Sort";
}

function readsUnbounded(plan: PlanNode): boolean {
  if (plan["Node Type"] === "Limit") return false;
  return plan["Relation Name"] !== undefined || (plan.Plans ?? []).some(readsUnbounded);
}
