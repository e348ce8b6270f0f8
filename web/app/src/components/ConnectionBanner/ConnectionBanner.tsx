import type { ConnectionState } from "@rialto/chat";
import { useNow } from "../../hooks/use-now.js";
import { sentence } from "../../model/problem.js";
import "./connection-banner.css";

interface Props {
  readonly connection: ConnectionState;
  /** How many changes of the open room are still to come; 0 if it is current. */
  readonly missing: number;
  /** Tries to connect now. */
  readonly onConnect: () => void;
}

/** Says how the connection is, whenever it is not simply there. */
export function ConnectionBanner({ connection, missing, onConnect }: Props) {
  const said = words(connection, missing);
  return (
    // Always there, so that a screen reader hears what changes in it. The countdown is only to be seen: it would be
    // spoken every second.
    <div className="connection" data-status={said === undefined ? undefined : connection.status}>
      <div className="connection-words">
        <p role="status">{said}</p>
        {connection.status === "reconnecting" && <Countdown until={connection.retryAt} />}
      </div>
      {connection.status === "reconnecting" && <ConnectButton label="Try now" onClick={onConnect} />}
      {connection.status === "closed" && <ConnectButton label="Connect again" onClick={onConnect} />}
    </div>
  );
}

function words(connection: ConnectionState, missing: number): string | undefined {
  switch (connection.status) {
    case "connecting":
      return "Connecting…";
    case "live":
      return missing > 0 ? `Catching up: ${missing.toLocaleString()} changes to go…` : undefined;
    case "reconnecting":
      return `${sentence(connection.reason.text)} Reconnecting`;
    case "offline":
      return "You are offline. What you write is sent when the network is back.";
    case "closed":
      return sentence(connection.reason.text);
  }
}

function Countdown({ until }: { readonly until: number }) {
  const now = useNow(500);
  const seconds = Math.ceil((until - now.getTime()) / 1000);
  return <span aria-hidden="true">{seconds > 0 ? ` in ${seconds} s` : " now…"}</span>;
}

function ConnectButton({ label, onClick }: { readonly label: string; readonly onClick: () => void }) {
  return (
    <button type="button" className="connection-button" onClick={onClick}>
      {label}
    </button>
  );
}
