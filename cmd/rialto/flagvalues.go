package main

import (
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// flagValues read the values of flags, and say of what they do not take what they would.
func flagValues() kong.Option {
	return kong.OptionFunc(func(k *kong.Kong) error {
		for typ, read := range map[reflect.Type]kong.MapperFunc{
			reflect.TypeFor[time.Duration](): readTime,
			reflect.TypeFor[slog.Level]():    readLevel,
			reflect.TypeFor[int]():           readInt,
			reflect.TypeFor[int64]():         readInt,
		} {
			if err := kong.TypeMapper(typ, read).Apply(k); err != nil {
				return err
			}
		}
		return nil
	})
}

// readTime reads a duration as Go writes it, or whole days.
func readTime(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := popText(ctx, "time")
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); err != nil && ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16) // at most 179 years
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil {
		return fmt.Errorf("%q: expected a time such as 30s, 12h or 30d", text)
	}
	target.SetInt(int64(d))
	return nil
}

func readLevel(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := popText(ctx, "level")
	if err != nil {
		return err
	}
	var level slog.Level
	if level.UnmarshalText([]byte(text)) != nil {
		return fmt.Errorf("%q: expected debug, info, warn or error", text)
	}
	target.SetInt(int64(level))
	return nil
}

func readInt(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := popText(ctx, "number")
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(text, 0, target.Type().Bits())
	switch {
	case err != nil && strings.HasSuffix(ctx.Value.Name, "-bytes"):
		return fmt.Errorf("%q: expected a number of bytes such as 1048576", text)
	case err != nil:
		return fmt.Errorf("%q: expected a number", text)
	}
	target.SetInt(n)
	return nil
}

// popText takes the value of a flag; kind says in errors what is missing.
func popText(ctx *kong.DecodeContext, kind string) (string, error) {
	token, err := ctx.Scan.PopValue(kind)
	return token.String(), err
}
