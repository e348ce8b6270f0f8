import { Logo } from "../Logo/Logo.js";
import { NameForm } from "../NameForm/NameForm.js";
import "./welcome.css";

/** The first visit. */
export function Welcome({ onChoose }: { readonly onChoose: (name: string) => void }) {
  return (
    <main className="welcome">
      <section className="welcome-card" aria-labelledby="welcome-title">
        <Logo size={48} />
        <div>
          <h1 id="welcome-title">What news on the Rialto?</h1>
          <p className="welcome-lead">Rooms where people meet and talk. Nothing that was said gets lost.</p>
        </div>
        <NameForm name="" action="Come in" onChoose={onChoose} />
      </section>
    </main>
  );
}
