import { Observable } from "rxjs"
import type { Monitor } from "./client/monitor.ts"
import type { MonitorUpdate } from "./client/monitor-options.ts"
import type { StructureType } from "./values/field-type.ts"
import type { ReadAs } from "./values/value-of.ts"

/**
 * The updates of a monitor as an Observable. It starts the monitor when somebody subscribes and closes it when they
 * stop; each subscriber has one of its own. Completes when the server ends the subscription, errors when it refuses.
 *
 *     updates$(() => client.monitor("lab:temperature")).subscribe(({ value }) => …)
 */
export const updates$ = <T extends StructureType | undefined = undefined>(
  start: () => Monitor<T>,
): Observable<MonitorUpdate<ReadAs<T>>> =>
  new Observable(subscriber => {
    const monitor = start()
    monitor.on("update", update => subscriber.next(update))
    monitor.on("ended", reason => {
      if (reason === undefined) subscriber.complete()
      else subscriber.error(reason)
    })
    return () => monitor.close()
  })
