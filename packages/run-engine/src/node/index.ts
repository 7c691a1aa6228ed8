/** What needs files or a terminal. */
export { fileMetadata } from "./file-metadata.ts"
export { makeFolder } from "./folder.ts"
export { askOnTerminal, type Choice, handleInterrupts, type InterruptOptions, reaction } from "./interrupt.ts"
export { type JsonLinesOptions, jsonLinesRecorder, readJsonLines } from "./json-lines.ts"
