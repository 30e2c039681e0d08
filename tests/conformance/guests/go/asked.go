package main

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"time"

	"leveret/plugin"
)

// order is the payload of `conformance.asked`: what to do, and what that needs.
type order struct {
	Do     string `json:"do"`
	Count  int    `json:"count,omitzero"`
	Size   int    `json:"size,omitzero"`
	Reason string `json:"reason,omitempty"`
	After  *int64 `json:"after"` // milliseconds
	Name   string `json:"name,omitempty"`
}

var calls int

func ask(event plugin.Event[order]) ([]plugin.Task, error) {
	switch asked := event.Payload; asked.Do {
	case "facts":
		return facts(event)
	case "emit":
		return emit(asked.Count, asked.Size)
	case "key":
		headers := map[string]string{"colour": "blue"}
		return []plugin.Task{{Name: "echo.make", Payload: object{}, Key: "k-1", Headers: headers}}, nil
	case "undeclared":
		return []plugin.Task{{Name: "other.make", Payload: object{}}}, nil
	case "misshapen":
		return []plugin.Task{{Name: "shape.make", Payload: object{"n": "one"}}}, nil
	case "retry":
		return nil, retry(asked)
	case "reject":
		return nil, plugin.Reject(asked.Reason)
	case "error":
		return nil, errors.New("boom")
	case "panic":
		panic("boom")
	case "loop":
		for {
		}
	case "memory":
		return nil, fill()
	case "recurse":
		return nil, fmt.Errorf("came to an end after %d", recurse(0))
	case "log":
		return nil, log()
	case "world":
		seen, err := world()
		if err != nil {
			return nil, err
		}
		return report(seen)
	case "reach":
		return reach()
	case "setting":
		return report(setting(asked.Name))
	case "state":
		calls++
		return report(object{"calls": calls})
	default:
		return nil, plugin.Reject("nobody knows how to " + asked.Do)
	}
}

func facts(event plugin.Event[order]) ([]plugin.Task, error) {
	source := any(event.Source)
	if event.Source == "" {
		source = nil
	}
	return report(object{
		"name":    event.Name,
		"id":      event.ID,
		"tid":     event.TID,
		"time":    event.Time.UnixMilli(),
		"source":  source,
		"headers": event.Headers,
	})
}

func emit(count, size int) ([]plugin.Task, error) {
	var tasks []plugin.Task
	padding := strings.Repeat("x", size)
	for number := range count {
		payload := object{"number": number + 1, "padding": padding}
		tasks = append(tasks, plugin.Task{Name: "echo.make", Payload: payload})
	}
	return tasks, nil
}

func fill() error {
	var taken [][]byte
	for {
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = 1
		}
		taken = append(taken, block)
		if len(taken) > 1<<20 {
			return errors.New("there is no end of memory")
		}
	}
}

func recurse(depth int) int {
	return recurse(depth+1) + 1
}

func log() error {
	slog.Log(context.Background(), plugin.LevelTrace, "a trace line")
	slog.Debug("a debug line")
	slog.Info("an info line")
	slog.Warn("a warn line")
	slog.Error("an error line")
	fmt.Println("a printed line")
	fmt.Fprintln(os.Stderr, "a complaint")
	return nil
}

func world() (object, error) {
	random, entropy := make([]uint32, 4), make([]uint32, 4)
	for i := range random {
		random[i] = rand.Uint32()
	}
	if err := binary.Read(cryptorand.Reader, binary.LittleEndian, entropy); err != nil {
		return nil, err
	}
	return object{"now": time.Now().UnixMilli(), "random": random, "entropy": entropy}, nil
}

func setting(name string) object {
	if text, set := plugin.Setting(name); set {
		return object{"value": text}
	}
	return object{"value": nil}
}

func retry(asked order) error {
	if asked.After != nil {
		return plugin.Retry(asked.Reason).After(time.Duration(*asked.After) * time.Millisecond)
	}
	return plugin.Retry(asked.Reason)
}

func reach() ([]plugin.Task, error) {
	_, fileErr := os.ReadFile("/etc/passwd")
	connection, networkErr := net.Dial("tcp", "127.0.0.1:80")
	if networkErr == nil {
		connection.Close()
	}
	return report(object{
		"file":        fileErr == nil,
		"environment": len(os.Environ()) > 0,
		"network":     networkErr == nil,
	})
}
