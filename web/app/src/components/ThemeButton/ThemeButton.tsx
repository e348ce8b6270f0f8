import { type Theme, themes } from "../../model/preferences.js";
import { Icon } from "../Icon/Icon.js";

interface Props {
  readonly theme: Theme;
  readonly onChange: (theme: Theme) => void;
}

/** Goes through the themes: as the system has it, light, dark. */
export function ThemeButton({ theme, onChange }: Props) {
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "system";
  const label = `Theme: ${theme}. Change to ${next}`;
  return (
    <button type="button" className="icon-button" onClick={() => onChange(next)} aria-label={label} title={label}>
      <Icon name={theme} />
    </button>
  );
}
