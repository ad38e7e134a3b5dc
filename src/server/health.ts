import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthCheckResponseSchema,
} from "../gen/grpc/health/v1/health_pb.js";
import { Wakeup } from "../platform/index.js";
import { PalaverError } from "../protocol/index.js";

/** Whether this server takes calls, in the words of grpc.health.v1. All of its services are up or down together. */
export class ServerHealth {
  /** Full names of the services; "" stands for the server as a whole. */
  readonly #services: ReadonlySet<string>;
  readonly #watchers = new Set<Wakeup>();
  #serving = true;

  constructor(services: Iterable<string>) {
    this.#services = new Set(["", ...services]);
  }

  get serving(): boolean {
    return this.#serving;
  }

  /** From now on NOT_SERVING: load balancers look elsewhere. Calls are still answered. */
  setDraining(): void {
    this.#serving = false;
    for (const watcher of this.#watchers) watcher.notify();
  }

  readonly service: ServiceImpl<typeof Health> = {
    check: ({ service }) => {
      if (!this.#services.has(service)) {
        throw new PalaverError("not_found", "UNKNOWN_SERVICE", "This server has no such service.");
      }
      return create(HealthCheckResponseSchema, { status: this.#status(service) });
    },
    watch: ({ service }, { signal }) => this.#watch(service, signal),
  };

  async *#watch(service: string, signal: AbortSignal) {
    const wakeup = new Wakeup();
    this.#watchers.add(wakeup);
    try {
      let last: ServingStatus | undefined;
      while (!signal.aborted) {
        const status = this.#status(service);
        if (status !== last) yield create(HealthCheckResponseSchema, { status });
        last = status;
        await wakeup.wait(signal);
      }
    } finally {
      this.#watchers.delete(wakeup);
    }
  }

  #status(service: string): ServingStatus {
    if (!this.#services.has(service)) return ServingStatus.SERVICE_UNKNOWN;
    return this.#serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }
}
