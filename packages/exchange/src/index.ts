/**
 * Documents for other programs: runs to a Tiled catalogue, documents to and from NATS JetStream.
 *
 * @packageDocumentation
 */
export type { BackOff } from "./delivery/persist.ts"
export type { DeliveryReport } from "./delivery/report.ts"
export { ExchangeError, type ExchangeErrorCode } from "./errors.ts"
export { packDocument, unpackDocument } from "./nats/codec.ts"
export { makeStream, type NatsServers, type StreamOptions } from "./nats/connection.ts"
export { NatsDocuments, type NatsDocumentsOptions, type ReceivedDocument } from "./nats/consumer.ts"
export { NatsPublisher, type NatsPublisherOptions } from "./nats/publisher.ts"
export { TiledError, type TiledServer } from "./tiled/client.ts"
export { type TiledHealth, TiledWriter, type TiledWriterOptions } from "./tiled/writer.ts"
