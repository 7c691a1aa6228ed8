export { type Acquired, type CollectFilesOptions, collectFiles, type FilesOutcome } from "./collect-files.ts"
export { type CollectStreamingOptions, collectStreaming, type StreamingOutcome } from "./collect-streaming.ts"
