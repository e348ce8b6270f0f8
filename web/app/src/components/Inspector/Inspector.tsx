import { useSnapshot } from "@rialto/chat/react";
import { useDeferredValue, useMemo, useState } from "react";
import type { LoggedFrame, WireLog } from "../../model/wire-log.js";
import { Icon } from "../Icon/Icon.js";
import { Calls } from "./Calls.js";
import { Detail } from "./Detail.js";
import { describeCall, describeFrame } from "./decode.js";
import { Frames } from "./Frames.js";
import { callsWith, framesWith } from "./filter.js";
import "./inspector.css";

interface Props {
  readonly log: WireLog;
  readonly onClose: () => void;
}

/** How many rows are in the document: the newest. */
const mostRows = 200;

/** Shows what travels between this page and the server: frames and calls, decoded, with sizes, windows and timings. */
export function Inspector({ log, onClose }: Props) {
  const now = useSnapshot(log);
  const [paused, setPaused] = useState<typeof now>();
  const [tab, setTab] = useState<"frames" | "calls">("frames");
  const [words, setWords] = useState("");
  const [frame, setFrame] = useState<LoggedFrame>();
  const [call, setCall] = useState<string>();
  const { frames, calls } = paused ?? now;
  const wanted = useDeferredValue(words);
  const shownFrames = useMemo(() => framesWith(frames, wanted), [frames, wanted]);
  const shownCalls = useMemo(() => callsWith(calls, frames, wanted), [calls, frames, wanted]);
  const chosenCall = calls.find(({ id }) => id === call);
  const clear = () => {
    log.clear();
    setPaused(undefined);
    setFrame(undefined);
    setCall(undefined);
  };
  return (
    <section className="inspector" aria-label="Wire inspector">
      <header className="inspector-header">
        <h2>Wire</h2>
        <div className="inspector-tabs">
          <Tab label={`Frames · ${shownFrames.length}`} open={tab === "frames"} onOpen={() => setTab("frames")} />
          <Tab label={`Calls · ${shownCalls.length}`} open={tab === "calls"} onOpen={() => setTab("calls")} />
        </div>
        <input
          type="search"
          className="inspector-filter"
          aria-label="Filter"
          placeholder="Filter: a method, a frame, any text"
          autoComplete="off"
          spellCheck={false}
          value={words}
          onChange={(event) => setWords(event.target.value)}
        />
        <button type="button" className="text-button" onClick={() => setPaused(paused === undefined ? now : undefined)}>
          {paused === undefined ? "Pause" : "Go on"}
        </button>
        <button type="button" className="text-button" onClick={clear}>
          Clear
        </button>
        <button type="button" className="icon-button" onClick={onClose} aria-label="Close the wire inspector">
          <Icon name="close" size={16} />
        </button>
      </header>
      <div className="inspector-body">
        {tab === "frames" ? (
          <Frames frames={shownFrames.slice(-mostRows)} chosen={frame} onChoose={setFrame} />
        ) : (
          <Calls calls={shownCalls.slice(-mostRows)} frames={frames} chosen={call} onChoose={setCall} />
        )}
        {tab === "frames" && frame !== undefined && (
          <Detail label="The chosen frame" text={describeFrame(frame, frames)} onClose={() => setFrame(undefined)} />
        )}
        {tab === "calls" && chosenCall !== undefined && (
          <Detail label="The chosen call" text={describeCall(chosenCall, frames)} onClose={() => setCall(undefined)} />
        )}
      </div>
    </section>
  );
}

function Tab({ label, open, onOpen }: { readonly label: string; readonly open: boolean; readonly onOpen: () => void }) {
  return (
    <button type="button" className="inspector-tab" aria-pressed={open} onClick={onOpen}>
      {label}
    </button>
  );
}
