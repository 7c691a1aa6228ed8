export { type CollectStreamingOptions, collectStreaming, type StreamingOutcome } from "./collect-streaming.ts"
