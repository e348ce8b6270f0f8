import type { AuditEntry, AuditPage, Member, Room } from "@rialto/chat";
import { useSnapshot } from "@rialto/chat/react";
import { useEffect, useState } from "react";
import { auditWords } from "../../model/audit.js";
import { problem } from "../../model/problem.js";
import { fullTime, shortTime } from "../../model/times.js";

/** What moderators and owners did, the newest first, a page at a time. */
export function Audit({ room }: { readonly room: Room }) {
  const [pages, setPages] = useState<readonly AuditPage[]>([]);
  const [failure, setFailure] = useState<string>();
  const [loading, setLoading] = useState(true);
  const { members } = useSnapshot(room.members);
  const [wanted, setWanted] = useState<string>("");
  useEffect(() => {
    let left = false;
    setLoading(true);
    setFailure(undefined);
    room.members
      .listAudit(wanted)
      .then(
        (page) => !left && setPages((before) => (wanted === "" ? [page] : [...before, page])),
        (error: unknown) => !left && setFailure(problem(error)),
      )
      .finally(() => !left && setLoading(false));
    return () => {
      left = true;
    };
  }, [room, wanted]);
  const entries = pages.flatMap((page) => page.entries);
  const next = pages.at(-1)?.nextPageToken;
  return (
    <>
      {entries.length === 0 && !loading && failure === undefined && (
        <p className="moderation-note">Nothing was done here by moderators or owners.</p>
      )}
      <ol className="moderation-list">
        {entries.map((entry, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: entries have no id, and none is ever put before another here.
          <li key={i}>
            <Entry entry={entry} members={members} />
          </li>
        ))}
      </ol>
      {loading && <p className="moderation-note">Loading…</p>}
      {failure !== undefined && (
        <p className="field-error" role="alert">
          {failure}
        </p>
      )}
      {next !== undefined && !loading && (
        <button type="button" className="text-button" onClick={() => setWanted(next)}>
          Earlier
        </button>
      )}
    </>
  );
}

function Entry({ entry, members }: { readonly entry: AuditEntry; readonly members: readonly Member[] }) {
  const whom = members.find(({ user }) => user.id === entry.userId)?.user.name ?? entry.userId;
  return (
    <div className="moderation-what">
      <p>
        <bdi className="moderation-name">{entry.actor.name}</bdi> {auditWords(entry)}
        {whom !== undefined && (
          <>
            {" "}
            <bdi className="moderation-name">{whom}</bdi>
          </>
        )}
      </p>
      <p>
        <time dateTime={entry.time.toISOString()} title={fullTime(entry.time, new Date())}>
          {shortTime(entry.time)}
        </time>
        {entry.end !== undefined && `, until ${shortTime(entry.end)}`}
      </p>
      {entry.action === "banned" && entry.text !== "" && <p dir="auto">“{entry.text}”</p>}
    </div>
  );
}
