package client

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"
)

// Option sets one thing about a [Client]. A bad value is an error of [New].
type Option interface{ apply(*config) error }

type optionFunc func(*config) error

func (f optionFunc) apply(c *config) error { return f(c) }

type config struct {
	token       string
	saveToken   func(token string, expires time.Time)
	displayName string
	logger      *slog.Logger
	backoff     backoff
	buffer      int // events a room
	inFlight    int // publishes without an answer
}

func defaultConfig() config {
	return config{
		saveToken: func(string, time.Time) {},
		logger:    slog.New(slog.DiscardHandler),
		backoff:   backoff{base: 500 * time.Millisecond, limit: 30 * time.Second},
		buffer:    1024,
		inFlight:  64,
	}
}

// WithToken presents token on the session and on every call. Without one the server makes a fresh guest, whose token
// the client presents from then on.
func WithToken(token string) Option {
	return optionFunc(func(c *config) error {
		for i := range len(token) {
			if token[i] <= ' ' || token[i] > '~' {
				return errors.New("client: a token has printable ASCII characters only")
			}
		}
		c.token = token
		return nil
	})
}

// WithTokenSaver has save called with the token of each fresh guest, to be kept secretly and given to [WithToken] next
// time. A zero expires means never. It is called from the session's goroutine, before [Client.Ready] returns, and must
// not call the client.
func WithTokenSaver(save func(token string, expires time.Time)) Option {
	return optionFunc(func(c *config) error {
		if save == nil {
			return errors.New("client: nil token saver")
		}
		c.saveToken = save
		return nil
	})
}

// WithDisplayName sets the name that others see, 1 to 64 characters. Default: the one in the token, or the server's
// choice.
func WithDisplayName(name string) Option {
	return optionFunc(func(c *config) error {
		c.displayName = name
		return checkDisplayName(name)
	})
}

func checkDisplayName(name string) error {
	if n := utf8.RuneCountInString(name); !utf8.ValidString(name) || n < 1 || n > 64 {
		return errors.New("client: a display name has 1 to 64 characters of valid UTF-8")
	}
	return nil
}

// WithLogger logs the life of the session. Never message text or tokens. Default: silence.
func WithLogger(logger *slog.Logger) Option {
	return optionFunc(func(c *config) error {
		if logger == nil {
			return errors.New("client: nil logger")
		}
		c.logger = logger
		return nil
	})
}

// WithBackoff bounds the random wait before the n-th attempt in a row to reconnect: between 0 and base doubled n times,
// at most limit. A RetryInfo of the server is added to it. Default: 500 ms and 30 s.
func WithBackoff(base, limit time.Duration) Option {
	return optionFunc(func(c *config) error {
		if base <= 0 || limit < base {
			return fmt.Errorf("client: backoff of %v up to %v", base, limit)
		}
		c.backoff = backoff{base: base, limit: limit}
		return nil
	})
}

// WithBuffer sets how many events of a room may wait to be taken before the room falls back on the server's log.
// Default 1024; at least 1. Whatever their number, they are at most 1 MiB, or one event.
func WithBuffer(events int) Option {
	return optionFunc(func(c *config) error {
		if events < 1 {
			return fmt.Errorf("client: buffer of %d events", events)
		}
		c.buffer = events
		return nil
	})
}

// WithMaxInFlight sets how many publishes may be without an answer before the next one waits. Default 64.
func WithMaxInFlight(publishes int) Option {
	return optionFunc(func(c *config) error {
		if publishes < 1 {
			return fmt.Errorf("client: %d publishes in flight", publishes)
		}
		c.inFlight = publishes
		return nil
	})
}
