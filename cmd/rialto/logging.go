package main

import (
	"io"
	"log/slog"
	"os"

	"github.com/charmbracelet/x/term"
)

// newLogger returns a logger for w: readable lines or JSON, one object a line. The format auto is readable lines on a
// terminal and JSON elsewhere.
func newLogger(w io.Writer, format string, level slog.Level) *slog.Logger {
	if format == "json" || format == "auto" && !isTerminal(w) {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: shortTime}))
}

// shortTime leaves the date out: who reads lines on a terminal knows it.
func shortTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.String(slog.TimeKey, a.Value.Time().Format("15:04:05.000"))
	}
	return a
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}
