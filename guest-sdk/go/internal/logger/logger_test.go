package logger

import (
	"errors"
	"log/slog"
	"testing"
)

func TestARecordIsOneLine(t *testing.T) {
	var level slog.Level
	var line string
	logger := slog.New(New(func(writtenLevel slog.Level, written string) { level, line = writtenLevel, written }))
	for want, write := range map[string]func(){
		`paid`:                             func() { logger.Info("paid") },
		`paid amount=4200 by="ada l"`:      func() { logger.Info("paid", "amount", 4200, "by", "ada l") },
		`failed error="a = b" empty=""`:    func() { logger.Info("failed", "error", errors.New("a = b"), "empty", "") },
		`in app=cream order.n=7 order.m=8`: func() { logger.With("app", "cream").WithGroup("order").Info("in", "n", 7, "m", 8) },
		`group user.id=7 user.name=ada`:    func() { logger.Info("group", slog.Group("user", "id", 7, "name", "ada")) },
		`none`:                             func() { logger.WithGroup("").Info("none", slog.Attr{}) },
	} {
		if write(); line != want {
			t.Errorf("it is %s and not %s", line, want)
		}
	}
	if logger.Warn("odd"); level != slog.LevelWarn {
		t.Errorf("the level is %v", level)
	}
}
