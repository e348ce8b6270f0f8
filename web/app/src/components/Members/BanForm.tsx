import type { BanOptions } from "@rialto/chat";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";

const hourMs = 3_600_000;

/** The choices of how long, in hours; 0: for good. */
const lengths: readonly (readonly [hours: number, name: string])[] = [
  [0, "For good"],
  [1, "An hour"],
  [24, "A day"],
  [168, "A week"],
];

/** The longest reason, in characters. */
const maxReason = 256;

interface Props {
  readonly name: string;
  readonly busy: boolean;
  readonly onBan: (options: BanOptions) => void;
  readonly onCancel: () => void;
}

/** Asks for how long and why somebody is to be kept out. */
export function BanForm({ name, busy, onBan, onCancel }: Props) {
  const id = useId();
  const field = useRef<HTMLSelectElement>(null);
  const [hours, setHours] = useState(0);
  const [reason, setReason] = useState("");
  useEffect(() => field.current?.focus(), []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const durationMs = hours * hourMs;
    onBan({ ...(durationMs > 0 && { durationMs }), ...(reason.trim() !== "" && { reason: reason.trim() }) });
  };
  return (
    <form className="stack ban-form" aria-label={`Ban ${name}`} onSubmit={submit}>
      <div className="field">
        <label htmlFor={`${id}-length`}>For how long</label>
        <select
          ref={field}
          id={`${id}-length`}
          value={hours}
          onChange={(event) => setHours(Number(event.target.value))}
        >
          {lengths.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}-reason`}>Why</label>
        <input
          id={`${id}-reason`}
          dir="auto"
          maxLength={maxReason}
          value={reason}
          aria-describedby={`${id}-note`}
          onChange={(event) => setReason(event.target.value)}
        />
        <p id={`${id}-note`} className="field-hint">
          Moderators and owners see it. It may be empty.
        </p>
      </div>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" className="button" data-kind="danger" disabled={busy}>
          Ban
        </button>
      </div>
    </form>
  );
}
