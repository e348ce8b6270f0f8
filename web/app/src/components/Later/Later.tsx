import { Component, type ReactNode, Suspense } from "react";

interface Props {
  readonly children: ReactNode;
  /** What is there until they are. */
  readonly waiting?: ReactNode;
}

/**
 * Holds parts of the application that are loaded when they are first needed. One that does not come says so, and the way out:
 * the server may have another version by now.
 */
export class Later extends Component<Props, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (this.state.failed) {
      return (
        <p className="later-failed" role="alert">
          This part could not be loaded.{" "}
          <button type="button" className="text-button" onClick={() => location.reload()}>
            Reload
          </button>
        </p>
      );
    }
    return <Suspense fallback={this.props.waiting}>{this.props.children}</Suspense>;
  }
}
