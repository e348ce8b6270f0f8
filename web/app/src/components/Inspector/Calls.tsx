import type { LoggedCall, LoggedFrame } from "../../model/wire-log.js";
import { callStatus, shortMethod } from "./decode.js";

interface Props {
  readonly calls: readonly LoggedCall[];
  /** All that are known, of all calls. */
  readonly frames: readonly LoggedFrame[];
  /** The id of a call. */
  readonly chosen: string | undefined;
  readonly onChoose: (id: string) => void;
}

/** A table of calls, the newest last. */
export function Calls({ calls, frames, chosen, onChoose }: Props) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
    <section className="inspector-table" tabIndex={0} aria-label="Calls">
      <table>
        <thead>
          <tr>
            <th className="number">Began</th>
            <th>Call</th>
            <th className="number">Stream</th>
            <th>Status</th>
            <th className="number">Took</th>
            <th className="number">Frames</th>
            <th className="number">Sent</th>
            <th className="number">Received</th>
          </tr>
        </thead>
        <tbody>
          {calls.map((call) => (
            <tr key={call.id} data-chosen={call.id === chosen || undefined}>
              <td className="number">{(call.startMs / 1000).toFixed(3)}</td>
              <td>
                <button type="button" aria-pressed={call.id === chosen} onClick={() => onChoose(call.id)}>
                  {shortMethod(call.method)}
                </button>
              </td>
              <td className="number">{call.stream}</td>
              <td>{callStatus(call, frames)}</td>
              <td className="number">{call.open ? "" : `${(call.lastMs - call.startMs).toFixed(1)} ms`}</td>
              <td className="number">{call.frames.toLocaleString()}</td>
              <td className="number">{call.sentBytes.toLocaleString()}</td>
              <td className="number">{call.receivedBytes.toLocaleString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {calls.length === 0 && <p className="inspector-nothing">No calls.</p>}
    </section>
  );
}
