import { useId, useState } from "react";
import { contrasts, type Preferences, type Theme, themes } from "../../model/preferences.js";
import { Dialog } from "../Dialog/Dialog.js";
import { Blocked } from "./Blocked.js";
import { ProfileForm } from "./ProfileForm.js";
import { Shortcuts } from "./Shortcuts.js";
import "./settings.css";

interface Props {
  readonly preferences: Preferences;
  readonly onPreferences: (change: Preferences) => void;
  readonly onClose: () => void;
}

const themeNames: Readonly<Record<Theme, string>> = { system: "As the system", light: "Light", dark: "Dark" };

/** What one can choose: the name, how it looks, what one is told of, and tools. It takes effect at once. */
export function Settings({ preferences, onPreferences, onClose }: Props) {
  const { theme = "system", contrast = "system", notify = false, inspector = false } = preferences;
  const [refused, setRefused] = useState(false);
  const setNotify = async (on: boolean) => {
    const granted = on && (await Notification.requestPermission()) === "granted";
    setRefused(on && !granted);
    onPreferences({ notify: granted });
  };
  return (
    <Dialog title="Settings" onClose={onClose}>
      <div className="settings">
        <section aria-label="You">
          <ProfileForm
            name={preferences.name ?? ""}
            onSaved={(name) => {
              onPreferences({ name });
              onClose();
            }}
          />
        </section>
        <fieldset className="settings-group">
          <legend>Colours</legend>
          <div className="segments">
            {themes.map((one) => (
              <label key={one}>
                <input
                  type="radio"
                  name="theme"
                  checked={theme === one}
                  onChange={() => onPreferences({ theme: one })}
                />
                <span>{themeNames[one]}</span>
              </label>
            ))}
          </div>
          <Switch
            label="More contrast"
            checked={contrast === "more"}
            onChange={(on) => onPreferences({ contrast: on ? contrasts[1] : contrasts[0] })}
          />
        </fieldset>
        <fieldset className="settings-group">
          <legend>Notifications</legend>
          <Switch
            label="Show them while I look elsewhere"
            note={
              refused
                ? "This browser does not allow them for this site. Its own settings say so."
                : "What mentions you, or what you choose for each room."
            }
            checked={notify}
            disabled={!("Notification" in window)}
            onChange={(on) => void setNotify(on)}
          />
        </fieldset>
        <fieldset className="settings-group">
          <legend>For the curious</legend>
          <Switch
            label="Wire inspector"
            note="Shows what travels between this page and the server, frame by frame."
            checked={inspector}
            onChange={(on) => onPreferences({ inspector: on })}
          />
        </fieldset>
        <Blocked />
        <Shortcuts />
      </div>
    </Dialog>
  );
}

interface SwitchProps {
  readonly label: string;
  readonly note?: string;
  readonly checked: boolean;
  readonly disabled?: boolean;
  readonly onChange: (on: boolean) => void;
}

function Switch({ label, note, checked, disabled = false, onChange }: SwitchProps) {
  const id = useId();
  return (
    <div className="switch">
      <input
        id={id}
        type="checkbox"
        role="switch"
        aria-checked={checked}
        checked={checked}
        disabled={disabled}
        aria-describedby={note === undefined ? undefined : `${id}-note`}
        onChange={(event) => onChange(event.target.checked)}
      />
      <label htmlFor={id}>{label}</label>
      {note !== undefined && (
        <p id={`${id}-note`} className="field-hint">
          {note}
        </p>
      )}
    </div>
  );
}
