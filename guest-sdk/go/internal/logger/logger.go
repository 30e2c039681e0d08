// Package logger makes lines of log/slog's records and hands them to the operator's log.
package logger

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"unicode"
)

// Handler writes each record as one line: the message, and the attributes as key=value.
type Handler struct {
	write  func(slog.Level, string)
	prefix string // of the keys: the open groups, each with a dot
	given  string // attributes of the logger
}

// New is a handler that hands each line to a function.
func New(write func(slog.Level, string)) *Handler {
	return &Handler{write: write}
}

// Enabled is true: the host decides what it keeps.
func (*Handler) Enabled(context.Context, slog.Level) bool {
	return true
}

// Handle writes one record.
func (handler *Handler) Handle(_ context.Context, record slog.Record) error {
	var line strings.Builder
	line.WriteString(record.Message)
	line.WriteString(handler.given)
	record.Attrs(func(attribute slog.Attr) bool {
		appendAttribute(&line, handler.prefix, attribute)
		return true
	})
	handler.write(record.Level, line.String())
	return nil
}

// WithAttrs is a handler that adds these attributes to each record.
func (handler *Handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	var given strings.Builder
	given.WriteString(handler.given)
	for _, attribute := range attributes {
		appendAttribute(&given, handler.prefix, attribute)
	}
	return &Handler{handler.write, handler.prefix, given.String()}
}

// WithGroup is a handler that puts the group's name before the keys that come.
func (handler *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return handler
	}
	return &Handler{handler.write, handler.prefix + name + ".", handler.given}
}

func appendAttribute(line *strings.Builder, prefix string, attribute slog.Attr) {
	value := attribute.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if attribute.Key != "" {
			prefix += attribute.Key + "."
		}
		for _, inner := range value.Group() {
			appendAttribute(line, prefix, inner)
		}
		return
	}
	if attribute.Equal(slog.Attr{}) {
		return
	}
	line.WriteByte(' ')
	line.WriteString(quoted(prefix + attribute.Key))
	line.WriteByte('=')
	line.WriteString(quoted(value.String()))
}

func quoted(text string) string {
	special := func(c rune) bool { return c == ' ' || c == '=' || c == '"' || !unicode.IsPrint(c) }
	if text == "" || strings.ContainsFunc(text, special) {
		return strconv.Quote(text)
	}
	return text
}
